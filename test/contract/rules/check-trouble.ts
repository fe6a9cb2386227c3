import { expect, onTestFinished } from 'vitest';
import { loopbackServer } from '../../support/loopback-server.ts';
import { meaningOf } from '../meaning.ts';
import { type Rule, rule } from '../rule.ts';
import { bloated, cutShort, HTML, redirect, reset, silence, slowBody } from '../trouble.ts';
import { openWorld } from '../world.ts';

import { answersOf, checkMeans, readsOf, withOne } from './asking.ts';

/** A check that is not answered, or not with an answer: it is asked again, and fails nobody. */
export const checkTrouble: readonly Rule[] = [
  rule('a check never fails a generation for trouble on the way', async (fixture) => {
    const documented = fixture.checkErrors.concat(fixture.failures, fixture.statuses);
    const world = await openWorld(fixture);
    const task = await world.begin();
    for (const exchange of readsOf(fixture)) {
      const known = documented.map(({ answers }) => answers[exchange]?.status ?? 200);
      for (const status of [400, 402, 405, 408, 409, 418, 422, 500, 502, 503, 504, 520]) {
        for (const body of [{}, HTML, '']) {
          // The provider gives this status a meaning of its own.
          if (known.includes(status) && exchange === 'result') continue;
          world.answer(withOne(fixture, exchange, { status, body }));
          const means = await meaningOf(world.check(task));
          if (known.includes(status)) expect(means.is).not.toBe('Terminal');
          else expect(means, `${exchange} ${status}`).toMatchObject({ is: 'Retryable' });
        }
      }
    }
  }),

  rule('a refused key is the operator’s trouble, not the generation’s', async (fixture) => {
    for (const status of [401, 403]) {
      const means = await checkMeans(fixture, { check: { status, body: {} } });
      expect(means, String(status)).toMatchObject({ is: 'Retryable', code: 'unauthorized' });
    }
  }),

  rule('a check that comes too often waits as long as it is told', async (fixture) => {
    const check = (headers: Record<string, string>) =>
      checkMeans(fixture, { check: { status: 429, body: {}, headers } });
    const date = new Date(Date.now() + 60_000).toUTCString();
    expect(await check({ 'retry-after': '7' })).toMatchObject({
      is: 'Retryable',
      code: 'rate_limited',
      retryAfterMs: 7_000,
    });
    expect(await check({ 'retry-after': date })).toMatchObject({
      retryAfterMs: expect.any(Number),
    });
    expect(await check({})).toMatchObject({ is: 'Retryable', code: 'rate_limited' });
  }),

  rule('no answer to a check is passing trouble', async (fixture) => {
    for (const exchange of readsOf(fixture)) {
      for (const trouble of [reset, cutShort]) {
        const means = await checkMeans(fixture, withOne(fixture, exchange, trouble));
        expect(means, exchange).toMatchObject({ is: 'Retryable', code: 'unavailable' });
      }
    }
    const world = await openWorld(fixture);
    const task = await world.begin();
    await world.server.close();
    expect(await meaningOf(world.check(task))).toMatchObject({
      is: 'Retryable',
      code: 'unavailable',
    });
  }),

  rule('a check that is not answered in time is tried again', async (fixture) => {
    const late = readsOf(fixture).flatMap((exchange) =>
      [silence, slowBody].map(async (trouble) => {
        const script = withOne(fixture, exchange, trouble);
        const means = await checkMeans(fixture, script, { timeoutMs: 300 });
        expect(means).toMatchObject({ is: 'Retryable', code: 'unavailable' });
      }),
    );
    await Promise.all(late);
  }),

  rule('an answer that is too large is not read', async (fixture) => {
    for (const exchange of readsOf(fixture)) {
      const good = answersOf(fixture.results[0])[exchange] ?? {};
      const script = withOne(fixture, exchange, bloated(good));
      expect(await checkMeans(fixture, script)).toMatchObject({ is: 'completed' });
      const means = await checkMeans(fixture, script, { maxBodyBytes: 100_000 });
      expect(means).toMatchObject({ is: 'Retryable' });
    }
  }),

  rule('a page, half a body or nothing instead of a status is tried again', async (fixture) => {
    for (const body of [
      HTML,
      '',
      ' ',
      'null',
      '[]',
      '{"id":"job_1","status":"comp',
      '\ufeff',
      '"done"',
    ]) {
      const means = await checkMeans(fixture, { check: { body } });
      // A body without any status says nothing; at some providers that is a sign of life.
      expect(['Retryable', 'live'], body).toContain(means.is);
    }
    expect(await checkMeans(fixture, { check: { body: HTML } })).toMatchObject({ is: 'Retryable' });
    expect(await checkMeans(fixture, { check: { body: '' } })).toMatchObject({ is: 'Retryable' });
  }),

  rule('a check does not follow redirects with our key', async (fixture) => {
    const elsewhere = await loopbackServer((_request, _req, res) => res.end('{}'));
    onTestFinished(elsewhere.close);
    for (const exchange of readsOf(fixture)) {
      for (const status of [301, 302, 307, 308]) {
        const script = withOne(fixture, exchange, redirect(status, `${elsewhere.url}/steal`));
        expect(await checkMeans(fixture, script)).toMatchObject({ is: 'Retryable' });
      }
    }
    expect(elsewhere.connections()).toBe(0);
  }),
];
