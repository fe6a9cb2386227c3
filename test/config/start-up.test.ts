import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SETTINGS_PAGE } from '../../src/config/settings-docs.ts';
import { namespaceIn, redisUrl } from '../http/setup.ts';
import { runProgram } from '../support/programs.ts';

type Env = Readonly<Record<string, string>>;

const COMPLETE: Env = {
  REDIS_URL: 'redis://127.0.0.1:1',
  CATWALK_SECRET: 'a-secret-of-more-than-thirty-two-characters',
  API_KEYS: 'shop:0123456789abcdef0123',
};
const FASHN: Env = { FASHN_API_KEY: 'key-of-fashn' };

/** Runs a program of ours with exactly these settings to its end: its streams as texts. */
async function run(program: string, env: Env, args: readonly string[] = []) {
  const { code, said, complained } = await runProgram(program, { env, args });
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
  return { code, out: text(said), said: text(complained) };
}

test.each([
  [{ VTRYON_API_KEY: 'k' }, /^VTRYON_BASE_URL: is required.*\n$/],
  [{ IMAGE_INTELLIGENCE_API_KEY: 'k' }, /^IMAGE_INTELLIGENCE_API_KEY: must be .*\n$/],
  [
    { IMAGE_INTELLIGENCE_API_KEY: 'k', VTRYON_API_KEY: 'k' },
    /^VTRYON_BASE_URL: .*\nIMAGE_INTELLIGENCE_API_KEY: .*\n$/,
  ],
])(
  'settings that only a provider can judge (%j) end the start with one line each, not a stack',
  async (env, line) => {
    const { code, said } = await run('src/http/main', { ...COMPLETE, ...env });
    expect(said).toMatch(line);
    expect(code).toBe(1);
  },
);

describe.each([
  ['src/http/main', 'catwalk http', ['REDIS_URL', 'CATWALK_SECRET', 'API_KEYS', 'PORT']],
  ['src/workers/main', 'catwalk worker', ['REDIS_URL', 'CATWALK_SECRET', 'WORKER_HEALTH_PORT']],
  ['src/operations/main', 'catwalk COMMAND', ['REDIS_URL', 'backfill', 'redrive']],
  ['rig/dev/main', 'catwalk dev', ['PORT', 'REDIS_URL']],
])('%s', (program, name, words) => {
  test('without any setting, --help says what it is, what it needs and how it exits', async () => {
    const { code, out, said } = await run(program, {}, ['--help']);
    expect({ code, said }).toEqual({ code: 0, said: '' });
    expect(out).toMatch(new RegExp(`^${name}\\b`));
    for (const word of [...words, SETTINGS_PAGE, 'xits with 0', '1 when', '2 after']) {
      expect(out).toContain(word);
    }
    for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
  });

  test('an argument that it does not know is refused with 2, before any setting is read', async () => {
    const { code, out, said } = await run(program, {}, ['--prot', '3000']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(said).toContain('--prot');
    expect(said).toContain('--help');
    expect(said).not.toContain('Invalid settings');
  });
});

describe('an address that it cannot listen on is named with its setting', () => {
  async function takenPort(): Promise<string> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    return String(typeof address === 'object' ? address?.port : '');
  }

  test.each([
    ['src/http/main', 'PORT'],
    ['src/workers/main', 'WORKER_HEALTH_PORT'],
    ['rig/dev/main', 'PORT'],
  ])('%s: %s', async (program, setting) => {
    const port = await takenPort();
    const REDIS_NAMESPACE = `test-${process.pid}-${port}`;
    await namespaceIn(redisUrl(), REDIS_NAMESPACE);
    const redis = { REDIS_URL: redisUrl(), REDIS_NAMESPACE };
    const { code, said } = await run(program, { ...COMPLETE, ...FASHN, ...redis, [setting]: port });
    expect(code).toBe(1);
    const advice = `Set another ${setting}, or stop what has it.`;
    expect(said).toBe(`${setting}: port ${port} is in use (127.0.0.1:${port}). ${advice}\n`);
  });

  test('an address of another machine', async () => {
    const { code, said } = await run('src/http/main', { ...COMPLETE, ...FASHN, HOST: '192.0.2.1' });
    expect(said).toBe('HOST: 192.0.2.1 is no address of this machine.\n');
    expect(code).toBe(1);
  });

  test('a name that nobody knows', async () => {
    const HOST = 'catwalk.invalid';
    const { code, said } = await run('src/http/main', { ...COMPLETE, ...FASHN, HOST });
    expect(said).toBe('HOST: catwalk.invalid is no address, and no name that is known here.\n');
    expect(code).toBe(1);
  });
});
