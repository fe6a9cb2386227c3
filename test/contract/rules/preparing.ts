import { expect } from 'vitest';
import { meaningOf, told } from '../meaning.ts';
import { type Rule, ruleUnless } from '../rule.ts';
import { HTML, reset, silence } from '../trouble.ts';
import { openWorld, refusedBy, taskSample } from '../world.ts';
import { expectWire } from './submitting.ts';

const preparing = ruleUnless(
  (f) => !f.declares.prepare && 'one request submits: nothing to prepare',
);
const askingFirst = ruleUnless((f) => !f.prepare?.asks && 'calls nobody while it prepares');
const loadingOnly = ruleUnless((f) => {
  if (!f.declares.prepare) return 'one request submits: nothing to prepare';
  return f.prepare?.asks && !f.prepare.loadsAgain && 'uploads its pictures beforehand';
});

/** The free steps before the submission, where there are any. */
export const preparation: readonly Rule[] = [
  preparing('preparing takes its steps one at a time, and pays nothing', async (fixture) => {
    const world = await openWorld(fixture);
    const { prepare } = world.adapter;
    let request = world.request(taskSample(fixture));
    for (let step = 1; step <= (fixture.prepare?.steps ?? 0); step++) {
      const answer = await prepare?.(request);
      expect(answer?.done, `step ${step}`).toBe(step === fixture.prepare?.steps);
      expect(answer?.prepared.length).toBeLessThan(2_000);
      expect(world.sent('prepare').length).toBeLessThanOrEqual(step);
      request = { ...request, prepared: answer?.prepared };
    }
    expect(world.sent('submit')).toHaveLength(0);
  }),

  askingFirst(
    'preparing goes on from what was saved, and repeats one step at most',
    async (fixture) => {
      const world = await openWorld(fixture);
      const request = world.request(taskSample(fixture));
      const first = await world.adapter.prepare?.(request);
      const saved = { ...request, prepared: first?.prepared };
      const another = await openWorld(fixture);
      await another.adapter.submit(await another.prepared(saved));
      expect(another.sent('prepare').length).toBeLessThan((await preparedFrom(fixture)).uploads);
      expect(another.sent('submit')).toHaveLength(1);
    },
  ),

  preparing('preparing what is prepared sends and loads nothing', async (fixture) => {
    const world = await openWorld(fixture);
    const ready = await world.prepared(world.request(taskSample(fixture)));
    const before = world.server.received.length;
    const loaded = world.loaded.length;
    const again = await world.adapter.prepare?.(ready);
    expect(again).toEqual({ prepared: ready.prepared, done: true });
    expect(world.server.received.length).toBe(before);
    expect(world.loaded.length).toBe(loaded);
  }),

  preparing('what was saved in another shape is begun again, and is no crash', async (fixture) => {
    for (const prepared of [
      '',
      '{',
      'null',
      '[]',
      '{"old":1}',
      'nonsense',
      '{"person":""}',
      '{"person":{}}',
    ]) {
      const world = await openWorld(fixture);
      const request = { ...world.request(taskSample(fixture)), prepared };
      await world.adapter.submit(await world.prepared(request));
      expect(world.sent('submit'), prepared).toHaveLength(1);
    }
  }),

  askingFirst('trouble while preparing is never an unknown outcome', async (fixture) => {
    const refusals = [
      { status: 500 },
      { status: 429 },
      { status: 401 },
      { body: HTML },
      reset,
      silence,
    ];
    for (const prepare of refusals) {
      const world = await openWorld(fixture, { script: { prepare }, timeoutMs: 300 });
      const error = await refusedBy(world.prepared(world.request(taskSample(fixture))));
      expect(error).toMatchObject({ name: 'Retryable' });
      expect(world.sent('submit')).toHaveLength(0);
    }
    for (const { name, answers, means } of fixture.prepare?.errors ?? []) {
      const world = await openWorld(fixture, { script: answers });
      const attempt = world.prepared(world.request(taskSample(fixture)));
      const meaning = await meaningOf(attempt.then(() => ({})));
      expect(meaning, name).toMatchObject(told(means));
    }
  }),

  ruleUnless((f) => !f.prepare?.sends && 'calls nobody while it prepares')(
    'each step of preparing sends one picture, as documented',
    async (fixture) => {
      const world = await openWorld(fixture);
      await world.prepared(world.request());
      const sent = world.sent('prepare');
      const expected = fixture.prepare?.sends ?? [];
      expect(sent).toHaveLength(expected.length);
      for (const [step, request] of sent.entries()) {
        expect(request.headers).toMatchObject(fixture.auth);
        const wire = expected[step];
        if (wire) await expectWire(request, wire, `step ${step + 1}`);
      }
    },
  ),

  askingFirst('what is not prepared to the end is not paid for', async (fixture) => {
    const world = await openWorld(fixture);
    const request = world.request();
    const begun = await world.adapter.prepare?.(request);
    for (const prepared of [undefined, begun?.prepared, '{']) {
      const unready = prepared === undefined ? request : { ...request, prepared };
      expect(await refusedBy(world.adapter.submit(unready))).toMatchObject({ name: 'Retryable' });
    }
    expect(world.sent('submit')).toHaveLength(0);
  }),

  loadingOnly(
    'pictures that were looked at beforehand are not kept, and loaded again to be sent',
    async (fixture) => {
      const world = await openWorld(fixture);
      const ready = await world.prepared(world.request());
      const seen = world.loaded.length;
      expect(seen).toBeGreaterThan(1);
      expect(ready.prepared?.length).toBeLessThan(40);
      await world.adapter.submit(ready);
      expect(world.loaded).toHaveLength(2 * seen);
    },
  ),

  loadingOnly(
    'pictures that load too slowly to be sent in time are not sent, and it is not the provider’s fault',
    async (fixture) => {
      const before = await openWorld(fixture);
      const ready = await before.prepared(before.request());
      const world = await openWorld(fixture, { imagesNeverCome: true, submitTimeoutMs: 50 });
      const call = world.adapter.submit(ready);
      const expected = { name: 'Retryable', code: 'image_unavailable' };
      expect(await refusedBy(call)).toMatchObject(expected);
      expect(world.server.received).toHaveLength(0);
    },
  ),
];

async function preparedFrom(fixture: Parameters<Rule['run']>[0]) {
  const world = await openWorld(fixture);
  await world.prepared(world.request(taskSample(fixture)));
  return { uploads: world.sent('prepare').length };
}
