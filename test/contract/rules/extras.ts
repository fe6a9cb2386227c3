import { expect } from 'vitest';
import { type Rule, ruleUnless } from '../rule.ts';
import { HTML, reset, silence } from '../trouble.ts';
import { findBy, KEY, openWorld, refusedBy, taskSample } from '../world.ts';

const lookingUp = ruleUnless(
  (f) => !f.declares.lookUp && 'cannot be searched for a lost submission',
);
const canceling = ruleUnless((f) => !f.declares.cancel && 'offers no way to cancel');
const accounting = ruleUnless((f) => !f.declares.account && 'tells nothing of the account');

/** What only some providers have: search, cancel, account. */
export const extras: readonly Rule[] = [
  lookingUp('a lost submission is found by its reference, and can be checked', async (fixture) => {
    const world = await openWorld(fixture);
    const request = await world.prepared(world.request(taskSample(fixture)));
    world.answer({ ...fixture.lookUp?.found(fixture.taskId(3), KEY), ...fixture.live('waiting') });
    const task = await findBy(world, request);
    expect(task?.id).toBe(fixture.taskId(3));
    expect(world.sent('look-up').map(({ method, url }) => [method, url])).toEqual([
      ['GET', fixture.lookUp?.path(KEY)],
    ]);
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
      ...(fixture.lookUp?.unreadable ?? []),
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
    const { body } = fixture.cancel?.sends ?? {};
    if (body !== undefined) expect(sent?.body).toBe(body);
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
    expect(sent).toMatchObject({
      method: 'GET',
      url: fixture.account?.path,
      headers: fixture.auth,
    });
    for (const [body, means] of fixture.account?.more ?? []) {
      world.answer({ account: { body } });
      expect(await world.adapter.account?.(), JSON.stringify(body)).toEqual(means);
    }
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
