import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  attemptKey,
  completionEventId,
  fingerprint,
  GenerationId,
  newGenerationId,
} from '../../src/generation/ids.ts';
import { NOW } from './fixtures.ts';

test('ids are never the same twice, also within one millisecond', () => {
  const ids = Array.from({ length: 5_000 }, () => newGenerationId(NOW));
  expect(new Set(ids).size).toBe(5_000);
});

test('ids sort by the time they were made, and within a millisecond by their order', () => {
  const ids = [0, 0, 1, 1, 2, 1_000].map((ms) => newGenerationId(NOW + 10_000 + ms));
  expect([...ids].sort()).toEqual(ids);
});

test('a clock that steps back still gives ids that are new', () => {
  const before = newGenerationId(NOW + 20_000);
  expect(newGenerationId(NOW - 60_000)).not.toBe(before);
});

test('an id has no character that a URL, a Redis key or a job id would mind', () => {
  expect(newGenerationId(NOW)).toMatch(/^gen_[0-9A-Z]{26}$/);
});

test.each([
  'gen_',
  'gen_01hzzzzzzzzzzzzzzzzzzzzzzz',
  'gen_01HZZZZZZZZZZZZZZZZZZZZZZ',
  'gen_01HZZZZZZZZZZZZZZZZZZZZZZZZ',
  'gen_01HZZZZZZZZZZZZZZZZZZZZZZU',
  'evt_01HZZZZZZZZZZZZZZZZZZZZZZZ',
  ' gen_01HZZZZZZZZZZZZZZZZZZZZZZZ',
  'gen_01HZZZZZZZZZZZZZZZZZZZZZZZ\n',
  'gen_01HZZZZZZZZZZ:../ZZZZZZZZZZ',
])('%j is not an id', (text) => {
  expect(GenerationId.safeParse(text).success).toBe(false);
});

test('a completion has the same event id for ever, and another generation another', () => {
  const [a, b] = [newGenerationId(NOW), newGenerationId(NOW)];
  expect(completionEventId(a)).toBe(completionEventId(a));
  expect(completionEventId(a)).not.toBe(completionEventId(b));
  expect(completionEventId(a)).toBe(`evt_${a.slice(4)}`);
});

test('the key of an attempt is derived, differs by attempt and fits in 40 characters', () => {
  const id = newGenerationId(NOW);
  expect(attemptKey(id, 1)).toBe(attemptKey(id, 1));
  expect(attemptKey(id, 1)).not.toBe(attemptKey(id, 2));
  expect(attemptKey(id, 999).length).toBeLessThanOrEqual(40);
  expect(attemptKey(id, 1)).toMatch(/^[\w-]+$/);
});

test('a fingerprint is the base64url SHA-256 of the UTF-8 text', () => {
  // Published test vector: NIST FIPS 180-2, appendix B.1.
  expect(fingerprint('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
});

test('a fingerprint is always safe inside a Redis key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(fingerprint(text)).toMatch(/^[\w-]{43}$/);
    }),
  );
});
