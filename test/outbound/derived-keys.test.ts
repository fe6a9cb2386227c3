import { expect, test } from 'vitest';
import { derivedKeys, fileNameKey, makerAt } from '../../src/outbound/derived-keys.ts';

const SECRET = 'our-own-secret-of-32-characters-or-more';
const secrets = (all: string[], from: number[] = []) => ({
  CATWALK_SECRET: all,
  CATWALK_SECRET_FROM: from,
});

// openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt key:our-own-secret-of-32-characters-or-more
//   -kdfopt info:catwalk:webhook-delivery HKDF
test.each([
  ['delivery', '6dce22d7c444c3cf7a64fd6f7408ee11cd98a471f498f35cbd9209fc22742db9'],
  ['result', '678874c307c1b27f287b785993a3c843f17bc2468738d06b0ef8305ebb3bff86'],
  ['file', '6f71b3836d21d0db149950e480f4c87b60808c8f52d28985d1208ec14549e25f'],
] as const)('the key of each use is HKDF-SHA256 of the secret: %s', (use, hex) => {
  expect(derivedKeys(use, secrets([SECRET])).makerAt(0)).toEqual(Buffer.from(hex, 'hex'));
});

test('a newer secret makes what is of its moment or later; without one it only checks', () => {
  const at = (all: string[], from: number[], unixMs: number) => makerAt(secrets(all, from), unixMs);
  expect(at(['b', 'a'], [], 9e15)).toBe('a');
  expect([at(['b', 'a'], [100], 99), at(['b', 'a'], [100], 100)]).toEqual(['a', 'b']);
  const three = [99, 100, 200].map((unixMs) => at(['c', 'b', 'a'], [200, 100], unixMs));
  expect(three).toEqual(['a', 'b', 'c']);
  // The moment may be left in the settings when the old secret goes.
  expect(at(['b'], [100], 0)).toBe('b');
  expect(at([], [], 0)).toBeUndefined();
});

test('the moment of the last secret is that of its keys: before, it makes things itself', () => {
  const { makerAt: at } = derivedKeys('delivery', secrets(['b', 'a'], [200, 100]));
  const [b, a] = ['b', 'a'].map((one) => derivedKeys('delivery', secrets([one])).makerAt(0));
  expect([99, 100, 199, 200].map(at)).toEqual(['a', a, a, b]);
});

test('whatever was made under a live secret or its key is live', () => {
  const { live } = derivedKeys('delivery', secrets(['b', 'a']));
  const [newer, older] = ['b', 'a'].map((one) =>
    derivedKeys('delivery', secrets([one])).makerAt(0),
  );
  expect(live).toEqual([newer, older, 'b', 'a']);
  expect(derivedKeys('delivery', secrets([])).live).toEqual([]);
});

test('a file has one name while a secret comes in, and another under another secret', () => {
  const key = (...all: string[]) => fileNameKey({ CATWALK_SECRET: all });
  expect(key('b', 'a')).toEqual(key('a'));
  expect(key('b')).not.toEqual(key('a'));
});
