import { expect, test } from 'vitest';
import { base64Bytes } from '../../src/providers/wire-values.ts';

const PICTURE = Buffer.from('89504e470d0a1a0a00', 'hex');
const ENCODED = PICTURE.toString('base64');

test.each([
  ENCODED,
  `data:image/png;base64,${ENCODED}`,
  ` ${ENCODED.slice(0, 4)}\r\n${ENCODED.slice(4)}\n`,
])('base64 is read: %j', (text) => {
  expect(base64Bytes(text)).toEqual(PICTURE);
});

test.each(['', ' ', '=', '====', 'a=b', 'https://a.example/b.png', 'AAA!', '{"a":1}'])(
  '%j is no base64',
  (text) => {
    expect(base64Bytes(text)).toBeUndefined();
  },
);

test('what is no base64 is known in one pass, however long it is', () => {
  const before = process.cpuUsage();
  for (const text of [
    `A${' '.repeat(5_000_000)}!`,
    `${'A '.repeat(5_000_000)}!`,
    '='.repeat(5e6),
  ]) {
    expect(base64Bytes(text)).toBeUndefined();
  }
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
});
