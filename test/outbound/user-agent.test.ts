import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { userAgentOf } from '../../src/outbound/user-agent.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }; // npm insists on one

test('names the product in the version of its package', () => {
  expect(userAgentOf()).toBe(`catwalk/${version}`);
});

test.each([
  ['https://catwalk.example.com', 'https://catwalk.example.com'],
  ['https://catwalk.example.com/base/', 'https://catwalk.example.com'],
  ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
  ['https://user:password@catwalk.example.com/?key=1', 'https://catwalk.example.com'],
  ['https://kätzchen.example.com', 'https://xn--ktzchen-5wa.example.com'],
])('names the operator’s own address, as plain as it can be: %s', (PUBLIC_URL, shown) => {
  expect(userAgentOf({ PUBLIC_URL })).toBe(`catwalk/${version} (+${shown})`);
});

test('is replaced by what the operator says', () => {
  const settings = { USER_AGENT: 'my-shop/1.0', PUBLIC_URL: 'https://catwalk.example.com' };
  expect(userAgentOf(settings)).toBe('my-shop/1.0');
});
