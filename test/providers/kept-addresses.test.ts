import { expect, test } from 'vitest';
import { createKeptAddresses } from '../../src/providers/kept-addresses.ts';

const BASE = 'https://api.example.com/prefix';
const OTHER = 'https://queue.example.com';

test('addresses on the provider’s own origins are kept under their names', () => {
  const addresses = createKeptAddresses(BASE, OTHER);
  const handle = addresses.keep({
    status: 'https://api.example.com/status/1?a=b',
    response: `${OTHER}/result/1`,
  });
  expect(addresses.find(handle, 'status')).toBe('https://api.example.com/status/1?a=b');
  expect(addresses.find(handle, 'response')).toBe(`${OTHER}/result/1`);
  expect(addresses.find(handle, 'cancel')).toBeUndefined();
});

test.each([
  'https://evil.example/status/1',
  'http://api.example.com/status/1',
  'https://api.example.com:8443/status/1',
  'https://api.example.com@evil.example/',
  '//evil.example/status',
  'https://',
  `https://api.example.com/${'a'.repeat(1_024)}`,
  '',
])('%s is neither kept nor followed', (address) => {
  const addresses = createKeptAddresses(BASE, OTHER);
  expect(addresses.keep({ status: address, response: null, cancel: undefined })).toBeUndefined();
  expect(addresses.find(JSON.stringify({ status: address }), 'status')).toBeUndefined();
});

test('a handle that is not ours is as good as none', () => {
  const addresses = createKeptAddresses(BASE);
  for (const handle of [undefined, '', 'x', 'null', '[]', '{"status":1}', '{"other":"x"}']) {
    expect(addresses.find(handle, 'status')).toBeUndefined();
    expect(addresses.find(handle, 'constructor')).toBeUndefined();
  }
});
