import { expect, test } from 'vitest';
import { newGenerationId } from '../../src/generation/ids.ts';
import { createUsage } from '../../src/store/usage.ts';
import { RECORDS } from '../generation/fixtures.ts';
import { until } from '../support/until.ts';
import { bearer, type KEYS, problemOf, setup } from './setup.ts';

test('a tenant reads what it asked for and what came of it, and nobody else’s', async () => {
  const { ask, call, redis, keys } = await setup();
  await ask();
  const usage = createUsage({ redis, keys, retentionMs: 60_000 });
  const charge = { amount: 8, unit: 'credits' };
  const id = newGenerationId(Date.now());
  await usage.ended([{ ...RECORDS.completed, id, tenant: 'shop', finishedAt: Date.now(), charge }]);
  const readAs = async (tenant: keyof typeof KEYS) => {
    const response = await call('/v1/usage?days=2', { headers: bearer(tenant) });
    expect(response.status).toBe(200);
    return (await response.json()) as { days: { models: unknown[] }[] }; // our own answer
  };
  const seen = await until('it is counted', async () => {
    const { days } = await readAs('shop');
    return JSON.stringify(days).includes('"asked":1') && days;
  });
  const today = new Date().toISOString().slice(0, 10);
  expect(seen).toMatchObject([
    {
      date: today,
      models: [
        {
          ...{ provider: 'fashn', model: 'tryon-v1.6', asked: 1, ended: { completed: 1 } },
          charged: [charge],
        },
      ],
    },
    { models: [] },
  ]);
  expect((await readAs('rival')).days.map(({ models }) => models)).toEqual([[], []]);
});

test('the same request again is counted once', async () => {
  const { ask, call } = await setup();
  const once = { 'idempotency-key': 'order-1' };
  for (const _ of [1, 2, 3]) await ask(undefined, once);
  await ask();
  const read = async () => (await call('/v1/usage?days=1', { headers: bearer('shop') })).text();
  await until('both are counted', async () => (await read()).includes('"asked":2'));
});

test('a week unless said otherwise, five weeks at most, and only with a key', async () => {
  const { call } = await setup();
  const read = (query: string) => call(`/v1/usage${query}`, { headers: bearer('shop') });
  const daysOf = async (query: string) =>
    ((await (await read(query)).json()) as { days: unknown[] }).days.length; // our own answer
  expect([await daysOf(''), await daysOf('?days=35')]).toEqual([7, 35]);
  for (const query of ['?days=0', '?days=36', '?days=x', '?days=1.5', '?days=1&days=2']) {
    const problem = await problemOf(await read(query));
    expect(problem, query).toMatchObject({ status: 400, fields: ['days'] });
  }
  expect((await call('/v1/usage')).status).toBe(401);
});
