import { expect, onTestFinished } from 'vitest';
import { loopbackServer } from '../../support/loopback-server.ts';
import type { Fixture } from '../fixture.ts';
import { meaningOf } from '../meaning.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { openWorld, taskSample } from '../world.ts';

import { answersOf } from './asking.ts';

/** Where a check goes, and where it never goes. */
export const followingAddresses: readonly Rule[] = [
  ruleUnless(noHandle)('an address at another origin is never followed', async (fixture) => {
    const elsewhere = await loopbackServer((_request, _req, res) => res.end('{}'));
    onTestFinished(elsewhere.close);
    const { elsewhere: odd } = fixture;
    if (!odd) throw new Error('a declared handle has a part `elsewhere`');
    const id = fixture.taskId(1);
    for (const origin of [
      elsewhere.url,
      elsewhere.url.replace('127.0.0.1', '127.0.0.1.:80@127.0.0.1'),
    ]) {
      const world = await openWorld(fixture);
      const request = await world.prepared(world.request(taskSample(fixture)));
      world.answer({ submit: odd.accepted(id, origin), ...fixture.live('waiting') });
      const submitted = await world.adapter.submit(request).catch(() => undefined);
      if (submitted) await meaningOf(world.check(submitted.task));
      const handle = odd.handle(id, origin);
      const means = await meaningOf(world.check({ id, handle }));
      expect(means.is).not.toBe('Terminal');
      await world.adapter.cancel?.({ id, handle });
      expect(world.sent('cancel')).toEqual([]);
    }
    expect(elsewhere.connections()).toBe(0);
  }),

  ruleUnless(noHandle)(
    'addresses that the provider returned are followed, wherever of its own they are',
    async (fixture) => {
      const { elsewhere: moved } = fixture;
      const id = fixture.taskId(1);
      const world = await openWorld(fixture);
      const request = await world.prepared(world.request(taskSample(fixture)));
      world.answer({ submit: moved?.moved(id, world.server.url) ?? {} });
      const { task } = await world.adapter.submit(request);
      world.answer(answersOf(fixture.results[0]));
      const foreign = moved?.handle(id, 'https://evil.example') ?? '';
      for (const [asked, handle] of [
        [moved?.asks, task.handle],
        [moved?.usual(id), undefined],
        [moved?.usual(id), foreign],
        [moved?.usual(id), 'x'],
      ] as const) {
        world.server.received.splice(0);
        await world.check(handle === undefined ? { id } : { id, handle });
        expect(world.server.received.map(({ url }) => url)).toEqual(asked);
        for (const { headers } of world.server.received) {
          expect(headers).toMatchObject(fixture.auth);
        }
      }
      if (!moved?.cancels) return;
      world.server.received.splice(0);
      world.answer({ cancel: fixture.cancel?.done ?? {} });
      await world.adapter.cancel?.(task);
      expect(world.server.received.map(({ url }) => url)).toEqual([moved.cancels]);
    },
  ),

  ruleUnless(noHandle)('a handle that is not ours is no crash', async (fixture) => {
    const world = await openWorld(fixture, { script: fixture.live('waiting') });
    for (const handle of [
      '',
      'null',
      '{}',
      '[]',
      'nonsense',
      '{"status_url":1}',
      'http://',
      '//x',
    ]) {
      const means = await meaningOf(world.check({ id: fixture.taskId(1), handle }));
      expect(means.is, handle).not.toBe('Terminal');
    }
  }),

  rule(
    'a task that a webhook adopted, without a handle, is checked or said to be missing',
    async (fixture) => {
      const world = await openWorld(fixture, { script: fixture.live('waiting') });
      const observation = await world.check({ id: fixture.taskId(5) });
      expect(['live', 'missing']).toContain(observation.kind);
      if (observation.kind !== 'live') return;
      const known = await openWorld(fixture);
      const task = await known.begin(fixture.taskId(5));
      known.answer(fixture.live('waiting'));
      await known.check(task);
      const usual = known.sent('check').map(({ url }) => url);
      expect(world.sent('check').map(({ url }) => url)).toEqual(usual);
    },
  ),

  rule('an id cannot lead a check to another address', async (fixture) => {
    const world = await openWorld(fixture, { script: fixture.live('waiting') });
    for (const id of ['../../account', 'a/b', 'a?b=c', 'a#b', 'a%2fb', '$&', 'a b']) {
      await meaningOf(world.check({ id }));
    }
    const others = world.server.received.filter(
      (one) => !['check', 'aside'].includes(fixture.exchangeOf(one)),
    );
    expect(others.map(({ url }) => url)).toEqual([]);
    for (const { url } of world.sent('check')) {
      expect(new URL(url, 'http://stand-in').pathname).not.toMatch(/\/account$|\/b$/);
      expect(url).not.toMatch(/a\?b=c|[# ]/);
    }
  }),
];

function noHandle({ declares }: Fixture) {
  return !declares.handle && 'builds the address from the id';
}
