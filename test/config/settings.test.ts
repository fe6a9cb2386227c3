import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/config/log.ts';
import { InvalidSettings, readSettings, summarise } from '../../src/config/settings.ts';
import {
  renderEnvExample,
  renderSettingsTable,
  SETTINGS_PAGE,
  TABLE_MARKERS,
  withSettingsTable,
} from '../../src/config/settings-docs.ts';
import { readProcessSettings } from '../../src/config/start-up.ts';
import { redisUrl } from '../http/setup.ts';

type Env = Readonly<Record<string, string>>;

const COMPLETE: Env = {
  REDIS_URL: 'rediss://user:pass%2Fword%21@redis.example.com:6380/0',
  CATWALK_SECRET: 'new-secret-of-32-characters-or-more,old-secret-of-32-characters-or-more',
  API_KEYS: 'shop:key-with:colons-in-it, rival:key-of-the-rival-0002',
  BOARD_PASSWORD: 'pass,word, with "quotes" \\ and ü',
  FASHN_API_KEY: 'fa-key-of-fashn',
  FITINVIEW_API_KEY: 'fiv_live_key',
  FITINVIEW_WEBHOOK_SECRET: 'whsec_first-signing-secret,whsec_second-signing-secret',
};

const SECRETS = [
  COMPLETE['REDIS_URL'],
  'pass%2Fword%21',
  'pass/word!',
  'new-secret-of-32-characters-or-more',
  'old-secret-of-32-characters-or-more',
  'key-with:colons-in-it',
  'key-of-the-rival-0002',
  COMPLETE['BOARD_PASSWORD'],
  'fa-key-of-fashn',
  'fiv_live_key',
  'whsec_first-signing-secret',
  'whsec_second-signing-secret',
].map(String);

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof InvalidSettings) return error.problems;
    throw error;
  }
  return [];
}

test('a provider’s free checks of its inputs are on until they are switched off', () => {
  const fashn = (more: Env) => readSettings({ ...COMPLETE, ...more }).providers['fashn'];
  expect(fashn({})?.checkInputs).toBe(true);
  expect(fashn({ FASHN_CHECK_INPUTS: 'off' })?.checkInputs).toBe(false);
});

describe('problems', () => {
  test.each([
    ['NODE_ENV', 'staging'],
    ['LOG_LEVEL', 'loud'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_NAMESPACE', 'cat{walk}'],
    ['PORT', '70000'],
    ['PORT', 'abc'],
    ['PUBLIC_URL', 'catwalk.example.com'],
    ['USER_AGENT', 'my-shop\r\nX-Injected: 1'],
    ['USER_AGENT', 'kätzchen/1.0'],
    ['USER_AGENT', 'x'.repeat(257)],
    ['CATWALK_SECRET', 'too-short'],
    ['CATWALK_SECRET', 'change-me-to-the-output-of-openssl-rand-base64-32'],
    ['API_KEYS', 'just-a-long-key-without-its-tenant'],
    ['API_KEYS', 'shop:short'],
    ['API_KEYS', 'shop:change-me-to-a-long-random-key'],
    ['API_KEYS', 'a b:key-of-the-shop-0001'],
    ['API_KEYS', 'shop:key-of-the-shop-0001,rival:key-of-the-shop-0001'],
    ['BOARD_PASSWORD', 'short'],
    ['BOARD_WRITABLE', 'perhaps'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '*'],
    ['TRUST_PROXY', '0'],
    ['TRUST_PROXY', '11'],
    ['TRUST_PROXY', '-1'],
    ['TRUST_PROXY', '0.0.0.0/0'],
    ['TRUST_PROXY', '10.0.0.0/6'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.0/8/8'],
    ['TRUST_PROXY', '::/0'],
    ['TRUST_PROXY', 'loopback,everybody'],
    ['TRUST_PROXY', 'proxy.example.com'],
    ['MAX_BODY_BYTES', '1'],
    ['WORKER_ROLES', 'submit,cook'],
    ['LEASE_MS', '1000'],
    ['RETENTION_MS', '1'],
    ['POLL_PROFILES', '{"image-fast":'],
    ['POLL_PROFILES', '{"image-fats":{"everyMs":2000}}'],
    ['POLL_PROFILES', '{"video":{"everyMs":1}}'],
    ['POLL_PROFILES', '{"video":{"every":5000}}'],
    ['FASHN_TRUST', 'blindly'],
    ['FITINVIEW_POLLS_PER_SECOND', '0'],
    ['FITINVIEW_BASE_URL', 'ftp://example.com'],
    ['FITINVIEW_BASE_URL', 'https://example.com/?v=1'],
    ['PUBLIC_URL', 'https://example.com?from=shop'],
    ['PUBLIC_URL', 'https://example.com/#top'],
    ['PUBLIC_URL', 'https://user:pass@example.com'],
    ['PUBLIC_URL', 'http://127.0.0.1@catwalk.example.com'],
    ['BOARD_USER', 'me:myself'],
  ])('%s=%s is refused by name', (name, value) => {
    const problems = problemsOf(() => readSettings({ ...COMPLETE, [name]: value }));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.startsWith(name)).toBe(true);
  });

  test.each([
    ['PORT', '15s', 'must be a number'],
    ['PORT', '1.5', 'must be a whole number'],
    ['PORT', '70000', 'must be at most 65535'],
    ['MAX_CONNECTIONS', '1', 'must be at least 10'],
    ['ALLOW_INSECURE_URLS', 'maybe', 'must be true or false'],
    ['LOG_LEVEL', 'loud', 'must be one of: debug, info, warn, error, silent'],
    ['FITINVIEW_CONCURRENCY', '0', 'must be at least 1'],
  ])('%s=%s is told in plain words: it %s', (name, value, words) => {
    const problems = problemsOf(() => readSettings({ ...COMPLETE, [name]: value }));
    expect(problems).toEqual([`${name}: ${words}`]);
  });

  test('are all told together, what is missing and what is wrong, one line each', () => {
    const env = { NODE_ENV: 'production', PORT: 'abc', FASHN_TRUST: 'blindly', LOG_LEVEL: 'loud' };
    const names = ['REDIS_URL', 'CATWALK_SECRET', 'API_KEYS', 'PORT', 'FASHN_TRUST', 'LOG_LEVEL'];
    const problems = problemsOf(() => readProcessSettings(env, { apiKeys: true }));
    for (const name of names) {
      expect(
        problems.filter((problem) => problem.startsWith(`${name}: `)),
        name,
      ).toHaveLength(1);
    }
    expect(problems.join('\n')).toContain('FITINVIEW_API_KEY, FASHN_API_KEY');
    expect(problems).toHaveLength(names.length + 1);
  });

  test('never repeat the value of a secret', () => {
    const env = { ...COMPLETE, CATWALK_SECRET: 'sh0rt-one', API_KEYS: 'shop:sh0rt-one', PORT: 'x' };
    const said = problemsOf(() => readSettings(env)).join('\n');
    expect(said).toContain('CATWALK_SECRET');
    expect(said).not.toContain('sh0rt-one');
  });

  test('production insists on a secret and on https', () => {
    const env = { NODE_ENV: 'production', PUBLIC_URL: 'http://catwalk.example.com' };
    const names = problemsOf(() => readSettings(env)).map((problem) => problem.split(':')[0]);
    expect(names.sort()).toEqual(['CATWALK_SECRET', 'PUBLIC_URL']);
  });

  test.each([
    ['fifteen-chars-1', 'needs 16 characters or more in production'],
    ['aaaaaaaaaaaaaaaaaaaa', 'different characters'],
    ['abababababababababab', 'different characters'],
    ['operatoroperator', 'different characters'],
    ['passwordpassword', 'different characters'],
    ['1234567890123456', 'sequence'],
    ['abcdefghijklmnopqrst', 'sequence'],
    ['9876543210fedcba', 'sequence'],
    ['change-me-to-a-long-password', 'example'],
    ['Change-Me-to-a-long-password', 'example'],
    ['catwalk-board-2026', 'example'],
  ])('production refuses %s as the board’s password: %s', (password, reason) => {
    const env = { ...COMPLETE, BOARD_PASSWORD: password };
    expect(problemsOf(() => readSettings(env))).toEqual([]);
    const problems = problemsOf(() => readSettings({ ...env, NODE_ENV: 'production' }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^BOARD_PASSWORD: .*openssl/);
    expect(problems[0]).toContain(reason);
    expect(problems[0]).not.toContain(password);
  });

  test.each([
    '0q8RZ7eYwq1fT3m9',
    'correct horse battery staple',
    '密码很长而且谁也猜不到的一个好密码',
  ])('production takes %s as the board’s password', (BOARD_PASSWORD) => {
    const env = { ...COMPLETE, NODE_ENV: 'production', BOARD_PASSWORD };
    expect(problemsOf(() => readSettings(env))).toEqual([]);
  });

  test.each([
    ['', undefined],
    ['1', 1],
    ['10', 10],
    ['10.0.0.7', ['10.0.0.7']],
    ['10.0.0.0/8, fc00::/7,::1,loopback', ['10.0.0.0/8', 'fc00::/7', '::1', 'loopback']],
  ])('TRUST_PROXY=%s names %j', (TRUST_PROXY, expected) => {
    expect(readSettings({ ...COMPLETE, TRUST_PROXY }).TRUST_PROXY).toEqual(expected);
  });

  test('why not everybody’s word on an address is taken, is said', () => {
    const problems = problemsOf(() => readSettings({ ...COMPLETE, TRUST_PROXY: 'true' }));
    expect(problems[0]).toContain('any caller could then choose an address');
  });

  test.each([
    ['http://127.0.0.1:3000', 'true', true],
    ['http://127.8.9.10', 'true', true],
    ['http://127.1', 'true', true],
    ['http://localhost:3000', 'true', true],
    ['http://[::1]:3000', 'true', true],
    ['https://catwalk.example.com', 'false', true],
    ['http://127.0.0.1:3000', 'false', false],
    ['http://127.0.0.1:3000', '', false],
    ['http://127.0.0.1.example.com', 'true', false],
    ['http://localhost.example.com', 'true', false],
    ['http://10.0.0.1', 'true', false],
    ['http://[::ffff:10.0.0.1]', 'true', false],
    ['http://catwalk.example.com', 'true', false],
  ])(
    'in production PUBLIC_URL=%s, with ALLOW_INSECURE_URLS=%s, is right: %s',
    (url, insecure, right) => {
      const rehearsal = { ...COMPLETE, NODE_ENV: 'production', PUBLIC_URL: url };
      const problems = problemsOf(() =>
        readSettings({ ...rehearsal, ALLOW_INSECURE_URLS: insecure }),
      );
      expect(problems).toEqual(
        right ? [] : [expect.stringMatching(/^PUBLIC_URL: .*ALLOW_INSECURE/)],
      );
    },
  );

  test('an empty variable is an unset one', () => {
    const empty = Object.fromEntries(Object.keys(COMPLETE).map((name) => [name, ' ']));
    expect(readSettings(empty)).toEqual(readSettings({}));
  });

  test('insecure URLs are accepted only where it is said, in production or not', () => {
    const allows = (env: Env) => readSettings({ ...COMPLETE, ...env }).ALLOW_INSECURE_URLS;
    for (const NODE_ENV of ['development', 'test', 'production']) {
      expect(allows({ NODE_ENV })).toBe(false);
      expect(allows({ NODE_ENV, ALLOW_INSECURE_URLS: 'true' })).toBe(true);
    }
    expect(allows({})).toBe(false);
  });
});

describe('secrets', () => {
  function logInto(env: Env) {
    const lines: string[] = [];
    const stream = new Writable({
      write: (line, _encoding, done) => {
        lines.push(String(line));
        done();
      },
    });
    return { lines, log: createLogger('debug', readSettings(env).secretValues, stream) };
  }

  test('are in the summary as set or unset only', () => {
    const summary = summarise({ ...COMPLETE, PORT: '3001' });
    for (const secret of SECRETS) expect(JSON.stringify(summary)).not.toContain(secret);
    expect(summary).toMatchObject({ API_KEYS: 'set', REDIS_URL: 'set', PORT: '3001' });
    expect(summary).not.toHaveProperty('FASHN_WEBHOOK_SECRET');
  });

  test('are in no log line, however they got into it', () => {
    const { lines, log } = logInto(COMPLETE);
    for (const secret of SECRETS) {
      log.info({ deep: { list: [secret] }, err: new Error(`said ${secret}`) }, `text ${secret}`);
      log.child({ secret }).warn(secret);
      log.error({ err: new Error('outer', { cause: new Error(secret) }) });
    }
    expect(lines).toHaveLength(SECRETS.length * 3);
    for (const line of lines) {
      const values = `${line}${JSON.stringify(Object.values(JSON.parse(line) as object))}`;
      for (const secret of SECRETS) expect(values).not.toContain(secret);
      expect(line).toContain('[secret]');
    }
  });

  test('that begin alike leave nothing of the longer one', () => {
    const short = 'x'.repeat(32);
    const { lines, log } = logInto({ CATWALK_SECRET: `${short},${short}-and-the-rest` });
    log.info(`${short}-and-the-rest`);
    expect(lines.join('')).not.toContain('and-the-rest');
  });

  test('a password that no URL could mean does not stop the start', () => {
    const REDIS_URL = 'redis://:per%cent-sign@localhost:6379';
    expect(readSettings({ REDIS_URL }).secretValues).toContain('per%cent-sign');
  });

  test('a Redis error in a log line does not carry the data of the command', async () => {
    const { lines, log } = logInto(COMPLETE);
    const redis = new Redis(redisUrl().replace(/^unix:\/\//, ''));
    onTestFinished(() => redis.disconnect());
    const jobData = JSON.stringify({ url: 'https://cdn.example.com/private.png' });
    const error: unknown = await redis.call('HSET', 'key', jobData).catch((err: unknown) => err);
    expect(error).toMatchObject({ name: 'ReplyError', command: { args: ['key', jobData] } });
    log.error({ err: error }, 'failed');
    expect(lines.join('')).toContain('wrong number of arguments');
    expect(lines.join('')).not.toContain('private.png');
  });
});

describe('what is written about settings', () => {
  const read = (name: string): string =>
    readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

  test('.env.example is what the schema says; `npm run docs:settings` writes it', () => {
    expect(read('.env.example')).toBe(renderEnvExample());
  });

  test('so is the table of docs/settings.md', () => {
    const page = read(SETTINGS_PAGE);
    expect(page).toContain(renderSettingsTable());
    expect(page).toBe(withSettingsTable(page));
  });

  test('every line of .env.example that is switched on is a valid setting, but for the secrets', () => {
    const lines = renderEnvExample().matchAll(/^#([A-Z_]+)=(.*)$/gm);
    const env = Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
    const problems = problemsOf(() => readSettings(env));
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'CATWALK_SECRET',
      'API_KEYS',
    ]);
    expect(env).toMatchObject({ PORT: '3000', FITINVIEW_API_KEY: '', FASHN_TRUST: 'hint' });
  });

  test('secrets are marked, and a provider’s variables stand in the table once', () => {
    const table = renderSettingsTable();
    expect(table).toMatch(/^\| `API_KEYS` \|.*\*\*Secret\.\*\* \|$/m);
    expect(table).toMatch(/^\| `<PROVIDER>_API_KEY` \|.*\*\*Secret\.\*\* \|$/m);
    expect(table).toMatch(/^\| `PORT` \| `3000` \| [^*]*\|$/m);
    expect(table).toContain('`FITINVIEW` or `FASHN`');
    expect(table).not.toContain('FASHN_API_KEY');
  });

  test('a text without the markers stays as it is', () => {
    expect(withSettingsTable('# Catwalk\n')).toBe('# Catwalk\n');
    const marked = `a\n${TABLE_MARKERS.begin}\nformer table\n${TABLE_MARKERS.end}\nb\n`;
    const written = withSettingsTable(marked);
    expect(written.startsWith('a\n') && written.endsWith('\nb\n')).toBe(true);
    expect(written).not.toContain('former table');
    expect(withSettingsTable(written)).toBe(written);
  });
});

test('the moments of CATWALK_SECRET are in their time zone, the newest first, one for each', () => {
  const fromOf = (CATWALK_SECRET_FROM: string) =>
    readSettings({ ...COMPLETE, CATWALK_SECRET_FROM }).CATWALK_SECRET_FROM;
  expect(fromOf('')).toEqual([]);
  expect(fromOf('2027-01-31T07:00+01:00, 2026-01-31T06:00:00Z')).toEqual([
    Date.UTC(2027, 0, 31, 6),
    Date.UTC(2026, 0, 31, 6),
  ]);
  const wrong = ['soon', '2027-01-31', '2027-01-31T06:00', '2027-13-31T06:00Z'];
  for (const text of wrong) expect(() => fromOf(text), text).toThrow('with a time zone');
  expect(() => fromOf('2026-01-31T06:00Z,2027-01-31T06:00Z')).toThrow('the latest comes first');
  const three = '2027-01-31T06:00Z,2027-01-31T06:00Z,2027-01-31T06:00Z';
  expect(() => fromOf(three)).toThrow('CATWALK_SECRET_FROM: has more moments');
});
