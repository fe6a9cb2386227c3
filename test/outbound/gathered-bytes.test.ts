import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gatherBytes } from '../../src/outbound/gathered-bytes.ts';

test('what came in pieces is the same in one, however it was cut', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40_000 }).map((bytes) => Buffer.from(bytes)));
  fc.assert(
    fc.property(pieces, (given) => {
      const whole = Buffer.concat(given);
      const gathered = gatherBytes(whole.length);
      for (const piece of given) gathered.add(piece);
      expect(gathered.size).toBe(whole.length);
      expect(gathered.bytes().equals(whole)).toBe(true);
    }),
  );
});

test('pieces are copied, and not kept: their owner may use them again', () => {
  const gathered = gatherBytes(10);
  const piece = Buffer.from('ab');
  gathered.add(piece);
  piece.write('cd');
  gathered.add(piece);
  expect(gathered.bytes().toString()).toBe('abcd');
});

test('the room grows with what has come, and never beyond the most', () => {
  const most = 250_000;
  const gathered = gatherBytes(most);
  expect(gathered.bytes().buffer.byteLength).toBe(0);
  const piece = Buffer.from('x');
  for (let size = 1; size <= most; size++) {
    gathered.add(piece);
    const room = gathered.bytes().buffer.byteLength;
    if (room > most || room > Math.max(2 * size, 16 * 1024)) throw new Error(`${room} for ${size}`);
  }
  expect(() => gathered.add(piece)).toThrow(RangeError);
  expect(gathered.size).toBe(most);
});
