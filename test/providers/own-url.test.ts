import { expect, test } from 'vitest';
import { ownUrl } from '../../src/providers/wire-values.ts';

const BASE = 'https://api.example.com/v1';

test.each([
  ['https://api.example.com/jobs/1', 'https://api.example.com/jobs/1'],
  ['/jobs/1?a=b', 'https://api.example.com/jobs/1?a=b'],
  ['https://API.example.com:443/jobs/1', 'https://api.example.com/jobs/1'],
  ['https://queue.example.com/jobs/1', 'https://queue.example.com/jobs/1'],
])('%s is the provider’s own', (address, url) => {
  expect(ownUrl(BASE, address, 'https://queue.example.com')).toBe(url);
});

test.each([
  'https://evil.example.com/jobs/1',
  '//evil.example.com/jobs/1',
  '/\\evil.example.com/jobs/1',
  'https://api.example.com.evil.com/',
  'https://api.example.com@evil.com/',
  'http://api.example.com/jobs/1',
  'https://api.example.com:8443/jobs/1',
  'javascript:alert(1)',
  'data:text/plain,x',
  'https://[',
])('%s is not', (address) => {
  expect(ownUrl(BASE, address, 'https://queue.example.com')).toBeUndefined();
});
