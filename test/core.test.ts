import { pino } from 'pino';
import { expect, test } from 'vitest';
import { configure } from '../src/core.ts';

const ENV = {
  REDIS_URL: 'redis://127.0.0.1:1',
  CATWALK_SECRET: 'a-secret-of-32-characters-or-more',
  FASHN_API_KEY: 'fa-key-of-fashn',
};

/** What is logged while an installation with these settings is configured. */
async function warningsOf(env: Readonly<Record<string, string>>): Promise<string[]> {
  const lines: string[] = [];
  const log = pino({}, { write: (text) => lines.push(JSON.parse(text).msg) });
  const installation = await configure({ ...ENV, ...env }, { apiKeys: false, log });
  await installation.close();
  return lines;
}

test('the address guard is on unless somebody switches it off, and then a warning says so', async () => {
  expect(await warningsOf({})).toEqual([]);
  expect(await warningsOf({ NODE_ENV: 'development' })).toEqual([]);
  expect(await warningsOf({ ALLOW_INSECURE_URLS: 'true' })).toEqual([
    expect.stringContaining('ALLOW_INSECURE_URLS'),
  ]);
});
