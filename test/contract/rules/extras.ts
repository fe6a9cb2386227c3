import { expect } from 'vitest';
import { meaningOf, told } from '../meaning.ts';
import { type Rule, ruleUnless } from '../rule.ts';
import { HTML, reset, silence } from '../trouble.ts';
import { findBy, KEY, openWorld, refusedBy, taskSample } from '../world.ts';

const preparing = ruleUnless(
  (f) => !f.declares.prepare && 'one request submits: nothing to prepare',
);
const askingFirst = ruleUnless((f) => !f.prepare?.asks && 'calls nobody while it prepares');
const lookingUp = ruleUnless(
  (f) => !f.declares.lookUp && 'cannot be searched for a lost submission',
);
const canceling = ruleUnless((f) => !f.declares.cancel && 'offers no way to cancel');
const accounting = ruleUnless((f) => !f.declares.account && 'tells nothing of the account');

/** What only some providers have: free steps before the submission, search, cancel, account. */
export const extras: readonly Rule[] = [
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
    for (const prepared of ['', 'null', '[]', '{"old":1}', 'nonsense']) {
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

  lookingUp('a lost submission is found by its reference, and can be checked', async (fixture) => {
    const world = await openWorld(fixture);
    const request = await world.prepared(world.request(taskSample(fixture)));
    world.answer({ ...fixture.lookUp?.found(fixture.taskId(3), KEY), ...fixture.live('waiting') });
    const task = await findBy(world, request);
    expect(task?.id).toBe(fixture.taskId(3));
    expect(task && (await world.check(task))).toMatchObject({ kind: 'live' });
    expect(world.sent('submit')).toHaveLength(0);
  }),

  lookingUp('a submission that never arrived is proven absent', async (fixture) => {
    const world = await openWorld(fixture);
    const request = await world.prepared(world.request(taskSample(fixture)));
    world.answer(fixture.lookUp?.absent ?? {});
    expect(await findBy(world, request)).toBeUndefined();
  }),

  lookingUp('somebody else’s task is not taken for the lost one', async (fixture) => {
    const world = await openWorld(fixture);
    const request = await world.prepared(world.request(taskSample(fixture)));
    world.answer(fixture.lookUp?.found(fixture.taskId(3), 'gen_another-1') ?? {});
    expect(await findBy(world, request)).toBeUndefined();
  }),

  lookingUp('trouble with the search proves nothing', async (fixture) => {
    const answers = [
      { status: 500 },
      { status: 429 },
      { status: 403 },
      { status: 422 },
      { body: HTML },
      { body: '{}' },
      { body: 'null' },
      reset,
      silence,
    ];
    for (const trouble of answers) {
      const world = await openWorld(fixture, { script: { 'look-up': trouble }, timeoutMs: 300 });
      const request = await world.prepared(world.request(taskSample(fixture)));
      expect(await refusedBy(findBy(world, request)), JSON.stringify(trouble)).toMatchObject({
        name: 'Retryable',
      });
    }
  }),

  canceling('a task is canceled as documented', async (fixture) => {
    const world = await openWorld(fixture);
    const task = await world.begin();
    world.answer({ cancel: fixture.cancel?.done ?? {} });
    await world.adapter.cancel?.(task);
    const [sent, ...more] = world.sent('cancel');
    expect(more).toEqual([]);
    expect(sent).toMatchObject({
      method: fixture.cancel?.sends.method,
      url: fixture.cancel?.sends.path(task.id),
      headers: fixture.auth,
    });
  }),

  canceling('canceling what has ended, or is not known, is harmless', async (fixture) => {
    for (const cancel of fixture.cancel?.tooLate ?? []) {
      const world = await openWorld(fixture);
      const task = await world.begin();
      world.answer({ cancel });
      await world.adapter.cancel?.(task);
    }
  }),

  canceling('a cancel that is not answered is tried again', async (fixture) => {
    for (const cancel of [
      { status: 500 },
      { status: 429 },
      { status: 401 },
      { status: 502, body: HTML },
      reset,
      silence,
    ]) {
      const world = await openWorld(fixture, { timeoutMs: 300 });
      const task = await world.begin();
      world.answer({ cancel });
      const call = world.adapter.cancel?.(task) ?? Promise.resolve();
      expect(await refusedBy(call), JSON.stringify(cancel)).toMatchObject({ name: 'Retryable' });
    }
  }),

  canceling('a task without a handle is canceled too, or left alone', async (fixture) => {
    const world = await openWorld(fixture, { script: { cancel: fixture.cancel?.done ?? {} } });
    await world.adapter.cancel?.({ id: fixture.taskId(5) });
    expect(world.sent('submit')).toHaveLength(0);
  }),

  accounting('what is left to spend is told in the provider’s units', async (fixture) => {
    const world = await openWorld(fixture, { script: { account: fixture.account?.answer ?? {} } });
    expect(await world.adapter.account?.()).toEqual(fixture.account?.means);
    const [sent] = world.sent('account');
    expect(sent?.method).toBe('GET');
    expect(sent?.headers).toMatchObject(fixture.auth);
  }),

  accounting('an account that cannot be read is passing trouble', async (fixture) => {
    const answers = [
      { status: 500 },
      { status: 401 },
      { status: 404 },
      { body: HTML },
      { body: '[]' },
      reset,
      silence,
    ];
    for (const account of answers) {
      const world = await openWorld(fixture, { script: { account }, timeoutMs: 300 });
      const call = world.adapter.account?.() ?? Promise.resolve();
      expect(await refusedBy(call), JSON.stringify(account)).toMatchObject({ name: 'Retryable' });
    }
  }),
];

async function preparedFrom(fixture: Parameters<Rule['run']>[0]) {
  const world = await openWorld(fixture);
  await world.prepared(world.request(taskSample(fixture)));
  return { uploads: world.sent('prepare').length };
}
