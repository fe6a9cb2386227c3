import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StatedLimit } from '../../../src/outbound/stated-limits.ts';
import { createQuotas } from '../../../src/store/quota.ts';
import { createKnownQuota } from '../../../src/workers/limits/known-quota.ts';
import { createLimitsInForce } from '../../../src/workers/limits/limits-in-force.ts';
import { NOW } from '../../generation/fixtures.ts';
import { connectTestRedis, type TestRedis } from '../../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

let providers = 0;
const MINUTE = 60_000;

/** The limits of a provider of the test's own, as two processes keep to them. */
function setup(running?: number) {
  const { redis, keys } = testRedis;
  const provider = `p${providers++}`;
  const clock = { now: NOW };
  const now = () => clock.now;
  const quotas = createQuotas({ redis, keys });
  const submits = { max: 60, perMs: MINUTE };
  const limits = { submits, concurrency: 9, pollsPerSecond: 1, ...(running && { running }) };
  function startProcess() {
    const heard: { stated?: StatedLimit } = {};
    const known = createKnownQuota({ provider, quotas, stated: () => heard.stated, now });
    return { heard, ...createLimitsInForce({ limits, credits: {}, known, now }) };
  }
  const refused = (at: ReturnType<typeof startProcess>, reason: 'rate_limited' | 'unavailable') =>
    at.refused(reason, { sentAt: clock.now, running: async () => 0 });
  return {
    redis,
    keys,
    provider,
    clock,
    quotas,
    refused,
    here: startProcess(),
    there: startProcess(),
  };
}

test('nothing is written, and the documented limit holds, while nobody learned anything', async () => {
  const { redis, keys, provider, here } = setup();
  await here.refresh();
  expect(here.limiter()).toEqual({ max: 60, duration: MINUTE });
  expect(here.running()).toBeUndefined();
  expect(here.standing()).toBe('enough');
  expect(await redis.exists(keys.quota(provider))).toBe(0);
});

test('a refusal lowers the limit, at once here and at the next look everywhere, until it has grown back', async () => {
  const { clock, here, there, refused } = setup();
  expect(await refused(here, 'rate_limited')).toBe(30);
  expect(here.limiter()).toEqual({ max: 3, duration: 6_000 });
  expect(there.limiter()).toEqual({ max: 60, duration: MINUTE });
  await there.refresh();
  expect(there.limiter()).toEqual({ max: 3, duration: 6_000 });
  clock.now += 200 * MINUTE;
  expect(there.limiter()).toEqual({ max: 60, duration: MINUTE });
});

test('two processes that are refused in the same window lower it once', async () => {
  const { here, there, refused } = setup();
  expect(await refused(here, 'rate_limited')).toBe(30);
  expect(await refused(there, 'rate_limited')).toBeUndefined();
  expect(there.limiter()).toEqual({ max: 3, duration: 6_000 });
});

test('what was accepted lately is not given up', async () => {
  const { here, refused } = setup();
  for (let n = 0; n < 45; n++) here.accepted();
  expect(await refused(here, 'rate_limited')).toBe(45);
});

test('trouble of another kind is no limit', async () => {
  const { here, refused } = setup();
  expect(await refused(here, 'unavailable')).toBeUndefined();
  expect(here.limiter()).toEqual({ max: 60, duration: MINUTE });
});

test('too many at once lowers how many may run, where they are counted', async () => {
  const { here, clock } = setup(6);
  const about = { sentAt: clock.now, running: async () => 4 };
  expect(here.running()).toBe(6);
  expect(await here.refused('concurrency_limited', about)).toBe(4);
  expect(here.running()).toBe(4);
  expect(await setup().here.refused('concurrency_limited', about)).toBeUndefined();
});

test('a lower limit that the provider states is kept to, by all; a higher one is not used', async () => {
  const { here, there } = setup();
  here.heard.stated = { limit: 100 };
  expect(here.limiter()).toEqual({ max: 60, duration: MINUTE });
  here.heard.stated = { limit: 5, windowMs: 10_000 };
  expect(here.limiter()).toEqual({ max: 30, duration: MINUTE });
  await here.refresh();
  await there.refresh();
  expect(there.limiter()).toEqual({ max: 30, duration: MINUTE });
});

test('submissions since the last look at the account count as spent, also those not told yet', async () => {
  const { provider, quotas, here, there } = setup();
  const price = 10;
  await quotas.learn(provider, { balance: { left: 15, at: NOW, sent: 0, price } });
  await here.refresh();
  await there.refresh();
  expect(here.standing()).toBe('low');
  here.accepted();
  here.accepted();
  expect(here.standing()).toBe('out');
  expect(there.standing()).toBe('low');
  await here.refresh();
  await there.refresh();
  expect([here.standing(), there.standing()]).toEqual(['out', 'out']);
});

test('what cannot be read counts as unknown', async () => {
  const { redis, keys, provider, here } = setup(6);
  const odd = { submits: 'x', running: '{}', stated: '7', balance: '{"left":"much"}', sent: 'y' };
  await redis.hset(keys.quota(provider), odd);
  await here.refresh();
  expect(here.limiter()).toEqual({ max: 60, duration: MINUTE });
  expect(here.running()).toBe(6);
  expect(here.standing()).toBe('enough');
});
