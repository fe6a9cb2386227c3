import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readStatedLimit, usedUpForMs } from '../../src/outbound/stated-limits.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const IN_30_S = NOW + 30_000;

test.each([
  [
    'FitInView’s guide: per minute, reset in Unix seconds',
    {
      'x-ratelimit-limit': '60',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(IN_30_S / 1000),
    },
    { limit: 60, remaining: 0, resetAt: IN_30_S },
  ],
  [
    'Segmind: what remains, and a time in words',
    {
      'x-rate-limit-remaining': '7',
      'x-rate-limit-reset-at-utc': new Date(IN_30_S).toISOString(),
    },
    { remaining: 7, resetAt: IN_30_S },
  ],
  [
    'the draft’s three headers: seconds from now, the window in the limit',
    { 'ratelimit-limit': '100, 100;w=60', 'ratelimit-remaining': '50', 'ratelimit-reset': '30' },
    { limit: 100, windowMs: 60_000, remaining: 50, resetAt: IN_30_S },
  ],
  [
    'the draft’s one header',
    { ratelimit: 'limit=100, remaining=50, reset=30' },
    { limit: 100, remaining: 50, resetAt: IN_30_S },
  ],
  [
    'the newest draft: a policy and what is left of it',
    { 'ratelimit-policy': '"default";q=100;w=10', ratelimit: '"default";r=50;t=30' },
    { limit: 100, windowMs: 10_000, remaining: 50, resetAt: IN_30_S },
  ],
  [
    'a reset in Unix ms',
    { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': `${IN_30_S}` },
    {
      remaining: 1,
      resetAt: IN_30_S,
    },
  ],
] as const)('is read: %s', (_, headers, stated) => {
  expect(readStatedLimit(headers, NOW)).toEqual(stated);
});

test.each([
  ['nothing', {}],
  ['words', { 'x-ratelimit-limit': 'unlimited', 'x-ratelimit-remaining': '-1' }],
  ['a limit of none', { 'x-ratelimit-limit': '0' }],
  ['a reset of nothing', { 'x-ratelimit-reset': '30' }],
])('says nothing: %s', (_, headers) => {
  expect(readStatedLimit(headers, NOW)).toBeUndefined();
});

test('submissions wait when nothing remains, until then, and never for longer than 15 minutes', () => {
  const wait = (remaining: string, reset: string) => {
    const headers = { 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset };
    return usedUpForMs(readStatedLimit(headers, NOW), NOW);
  };
  expect(wait('0', '30')).toBe(30_000);
  expect(wait('1', '30')).toBeUndefined();
  expect(wait('0', '0')).toBeUndefined();
  expect(wait('0', '999999999')).toBe(15 * 60_000);
  expect(wait('0', String(NOW / 1000 - 5))).toBeUndefined();
  expect(usedUpForMs(undefined, NOW)).toBeUndefined();
});

test('whatever the headers hold, what is read are numbers that can be reckoned with', () => {
  const name = fc.constantFrom(
    ...['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'ratelimit'],
    ...['ratelimit-policy', 'x-rate-limit-reset-at-utc', 'ratelimit-limit', 'ratelimit-reset'],
  );
  const value = fc.oneof(fc.string(), fc.nat().map(String), fc.double().map(String));
  fc.assert(
    fc.property(fc.dictionary(name, value), (headers) => {
      const stated = readStatedLimit(headers, NOW) ?? {};
      for (const number of Object.values(stated)) expect(Number.isFinite(number)).toBe(true);
      expect(usedUpForMs(stated, NOW) ?? 1).toBeLessThanOrEqual(15 * 60_000);
    }),
  );
});
