import { expect } from 'vitest';
import { told } from '../meaning.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { openWorld, refusedBy, type Trouble, taskSample, write } from '../world.ts';

import { checkMeans, completed } from './asking.ts';

/** What a status check learns. */
export const checking: readonly Rule[] = [
  rule('a check is one question with our key, at the task’s own address', async (fixture) => {
    const world = await openWorld(fixture);
    const task = await world.begin();
    world.answer(fixture.live('anything'));
    await world.check(task);
    const [sent, ...more] = world.sent('check');
    expect([...more, ...world.sent('result')]).toEqual([]);
    expect(sent?.method).toBe('GET');
    expect(sent?.headers).toMatchObject(fixture.auth);
    if (fixture.checkPath) expect(sent?.url).toBe(fixture.checkPath(task.id));
    expect(sent?.url).toContain(encodeURIComponent(task.id));
  }),

  rule('every documented status word means what it should', async (fixture) => {
    expect(fixture.statuses.length).toBeGreaterThan(2);
    const kinds = new Set(fixture.statuses.map(({ means }) => means.is));
    expect([...kinds]).toEqual(expect.arrayContaining(['live', 'completed', 'failed']));
    for (const { name, answers, means } of fixture.statuses) {
      expect(await checkMeans(fixture, answers), name).toMatchObject(told(means));
    }
  }),

  rule('a status that nobody documented is a live one', async (fixture) => {
    for (const word of ['paused_by_moon', 'constructor', '__proto__', 'done?', 'x'.repeat(5_000)]) {
      const means = await checkMeans(fixture, fixture.live(word));
      expect(means, word.slice(0, 40)).toMatchObject({ is: 'live' });
      const { status } = means as { status: string }; // live: asserted above
      expect(status.length).toBeLessThanOrEqual(64);
    }
    expect(await checkMeans(fixture, fixture.live('Paused'))).toEqual({
      is: 'live',
      status: 'paused',
    });
  }),

  rule('every documented answer that is no status has its class and code', async (fixture) => {
    expect(fixture.checkErrors.length).toBeGreaterThan(0);
    for (const { name, answers, means } of fixture.checkErrors) {
      expect(await checkMeans(fixture, answers), name).toMatchObject(told(means));
    }
  }),

  rule('every documented failure has a reason code of ours', async (fixture) => {
    expect(fixture.failures.length).toBeGreaterThan(0);
    for (const { name, answers, means } of fixture.failures) {
      expect(means.is).toBe('failed');
      expect(await checkMeans(fixture, answers), name).toEqual(means);
    }
  }),

  rule('a check that finds no task says so, or is tried again', async (fixture) => {
    for (const status of [404, 410]) {
      const means = await checkMeans(fixture, { check: { status, body: {} } });
      expect(['missing', 'Retryable']).toContain(means.is);
    }
  }),

  rule('a check has no effects: asking twice gives the same answer', async (fixture) => {
    for (const form of fixture.results) {
      const { world, task, seen } = await completed(fixture, form, 1);
      expect(await world.check(task, form.model)).toEqual(seen);
      expect(world.sent('submit')).toHaveLength(1);
    }
  }),

  ruleUnless((f) => !f.staleToken && 'its key does not expire')(
    'a token that went stale is replaced once, and the call made again',
    async (fixture) => {
      for (const exchange of ['submit', 'check'] as const) {
        const world = await openWorld(fixture);
        const request = await world.prepared(world.request(taskSample(fixture)));
        const task = await world.begin();
        const before = world.sent(exchange).length;
        const accepted = fixture.accepted(fixture.taskId(1), world.server);
        const healthy = exchange === 'submit' ? accepted : fixture.live('waiting').check;
        const answers = [fixture.staleToken, healthy];
        const next: Trouble = (_req, res) => write(res, answers.shift() ?? {});
        world.answer({ [exchange]: next });
        if (exchange === 'submit') await world.adapter.submit(request);
        else expect(await world.check(task)).toMatchObject({ kind: 'live' });
        expect(world.sent(exchange)).toHaveLength(before + 2);

        world.answer({ [exchange]: fixture.staleToken });
        const call = exchange === 'submit' ? world.adapter.submit(request) : world.check(task);
        expect(await refusedBy(call)).toMatchObject({ name: 'Retryable', code: 'unauthorized' });
        expect(world.sent(exchange)).toHaveLength(before + 4);
      }
    },
  ),
];
