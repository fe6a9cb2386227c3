import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

/** Runs the web process with these settings until it ends, and answers what it said. */
function start(env: Record<string, string>): Promise<{ code: unknown; said: string }> {
  const settings = {
    PATH: process.env['PATH'] ?? '',
    REDIS_URL: 'redis://127.0.0.1:1',
    CATWALK_SECRET: 'a-secret-of-more-than-thirty-two-characters',
    API_KEYS: 'shop:0123456789abcdef0123',
    ...env,
  };
  const args = ['--import', 'tsx', 'src/http/main.ts'];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: settings, timeout: 20_000 }, (error, _out, said) => {
      resolve({ code: error?.code ?? 0, said });
    });
  });
}

test.each([
  [{ VTRYON_API_KEY: 'k' }, /^VTRYON_BASE_URL: is required.*\n$/],
  [{ IMAGE_INTELLIGENCE_API_KEY: 'k' }, /^IMAGE_INTELLIGENCE_API_KEY: must be .*\n$/],
])(
  'settings that only a provider can judge (%j) end the start with one line, not a stack',
  async (env, line) => {
    const { code, said } = await start(env);
    expect(said).toMatch(line);
    expect(code).toBe(1);
  },
);
