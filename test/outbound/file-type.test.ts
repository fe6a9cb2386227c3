import { expect, test } from 'vitest';
import { fileTypeOf } from '../../src/outbound/file-type.ts';

// First bytes as the formats' own specifications give them.
test.each([
  ['89504e470d0a1a0a0000000d49484452', 'image/png', 'png'],
  ['ffd8ffe000104a464946', 'image/jpeg', 'jpg'],
  ['474946383961', 'image/gif', 'gif'],
  ['524946462400000057454250', 'image/webp', 'webp'],
  ['0000001866747970', 'video/mp4', 'mp4'],
  ['000000186674797069736f6d', 'video/mp4', 'mp4'],
  ['0000001c6674797061766966', 'image/avif', 'avif'],
  ['0000001c6674797061766973', 'image/avif', 'avif'],
  ['000000186674797068656963', 'image/heic', 'heic'],
  ['00000018667479706d696631', 'image/heic', 'heic'],
])('bytes that begin %s are %s', (hex, type, extension) => {
  const bytes = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from('the rest')]);
  expect(fileTypeOf(bytes)).toMatchObject({ type, extension });
});

test.each(['', '89504e', '3c68746d6c3e', '7b2275726c223a227d', '00'.repeat(64)])(
  'bytes %j are none of them',
  (hex) => {
    expect(fileTypeOf(Buffer.from(hex, 'hex'))).toBeUndefined();
  },
);
