import { expect, test } from 'vitest';
import { expiring, signedUntil } from '../../src/providers/expiring.ts';

const FILE = 'https://bucket.example.com/a/1.png';

test.each([
  ['Expires=1790000000&Signature=x', 1_790_000_000_000],
  ['X-Amz-Date=20261121T094500Z&X-Amz-Expires=3600', Date.parse('2026-11-21T10:45:00Z')],
  ['X-Goog-Date=20261121T094500Z&X-Goog-Expires=60', Date.parse('2026-11-21T09:46:00Z')],
  ['X-Amz-Expires=3600', undefined],
  ['X-Amz-Date=yesterday&X-Amz-Expires=3600', undefined],
  ['Expires=soon', undefined],
  ['', undefined],
])('a link with %s is good until %s', (query, expected) => {
  expect(signedUntil(`${FILE}?${query}`)).toBe(expected);
});

test('what is no link says nothing', () => {
  expect(signedUntil('not a link')).toBeUndefined();
});

test('an outcome gets the ends of its links, and nothing where none is known', () => {
  const results = [
    { kind: 'file' as const, url: FILE },
    { kind: 'file' as const, url: `${FILE}?Expires=1790000000` },
    { kind: 'data' as const, data: { a: 1 } },
  ];
  expect(expiring({ verdict: 'completed', results }, signedUntil)).toEqual({
    verdict: 'completed',
    results: [results[0], { ...results[1], expiresAt: 1_790_000_000_000 }, results[2]],
  });
  const failed = { verdict: 'failed' as const, reason: { code: 'x', message: 'y' } };
  expect(expiring(failed, signedUntil)).toBe(failed);
});
