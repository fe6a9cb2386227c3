import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/config/log.ts';

/** What none of the URLs below may show. */
const HIDDEN = 's3cr3t';

function logInto(secretValues: readonly string[] = []) {
  const lines: string[] = [];
  const log = createLogger('debug', secretValues, { write: (line) => lines.push(line) });
  return { lines, log, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> };
}

describe('a line shows of a URL its host, wherever it got in', () => {
  test.each([
    `https://cdn.example.com/${HIDDEN}.png`,
    `HTTPS://user:${HIDDEN}@cdn.example.com`,
    `https%3A%2F%2Fcdn.example.com%2F${HIDDEN}`,
    `https:\\/\\/cdn.example.com\\/${HIDDEN}`,
    `//cdn.example.com/${HIDDEN}`,
    `redis://default:${HIDDEN}@cdn.example.com:6379/0`,
    `{"url":"https://cdn.example.com/${HIDDEN}"}`,
    `see <https://cdn.example.com/${HIDDEN}>`,
  ])('%s', (url) => {
    const { lines, log } = logInto();
    const cause = new Error(`cause ${url}`);
    const error = new TypeError(`failed: ${url}`, { cause });
    log.info(url);
    log.info({ field: url }, 'text');
    log.info({ deep: [{ [url]: { list: [url] } }] }, 'text');
    log.info({ [url]: 1 });
    log.child({ bound: url }).info('text');
    log.error({ err: error }, 'text');
    log.error(error);
    log.error({ err: url });
    expect(lines).toHaveLength(8);
    for (const line of lines) {
      expect(line).not.toContain(HIDDEN);
      expect(line).toContain('cdn.example.com');
      expect(line.endsWith('}\n') && JSON.parse(line)).toMatchObject({ time: expect.any(Number) });
    }
  });
});

test('credentials are in no line either', () => {
  const { lines, log } = logInto();
  log.warn({ headers: { Authorization: HIDDEN, 'x-api-key': HIDDEN } }, `Bearer ${HIDDEN}-and-1`);
  log.warn({ err: new Error(`sent "authorization":"Key ${HIDDEN}"`) });
  expect(lines.join('')).not.toContain(HIDDEN);
});

test('ids, times, our own paths and the frames of a stack stay readable', () => {
  const { lines, log, last } = logInto();
  const line = {
    generation: 'gen_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    queue: '{catwalk}:poll-fashn',
    path: '/webhooks/fashn/gen_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    model: 'fashn/tryon-v1.6',
    at: '2026-01-02T03:04:05.678Z',
    url: 'http://127.0.0.1:3000',
    publicUrl: 'https://catwalk.example.com',
    durationMs: 12.5,
  };
  log.info(line, 'answered');
  expect(last()).toMatchObject({ ...line, msg: 'answered' });
  log.error({ err: new Error('plain') });
  expect(lines.at(-1)).toContain('test/config/log.test.ts:');
  expect(lines.at(-1)).toMatch(/at .*\(?(file:\/\/)?\/\S+log\.test\.ts:\d+:\d+/);
});

test('a frame of a module by its file URL stays readable', () => {
  const { log, last } = logInto();
  const error = new Error('plain');
  error.stack =
    'Error: plain\n    at run (file:///app/src/main.ts:1:2)\n    at node:internal/x:3:4';
  log.error({ err: error });
  expect(last()['err']).toMatchObject({ stack: error.stack });
});

test('what is nested as deep as an attacker likes is a line, and no exception', () => {
  const { lines, log } = logInto();
  const depth = 100_000;
  const deep: unknown = JSON.parse(
    `${'['.repeat(depth)}"https://host/${HIDDEN}"${']'.repeat(depth)}`,
  );
  log.warn({ deep }, `see https://host/${HIDDEN}`);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain(HIDDEN);
  expect(() => JSON.parse(lines[0] ?? '') as unknown).not.toThrow();
});

describe('a secret value is blotted out', () => {
  const SECRET = 'pa55/w0rd+"ü" & so on!';

  test.each([
    ['as it is', (secret: string) => secret],
    ['percent-encoded', encodeURIComponent],
    ['percent-encoded in lower case', (secret: string) => encodeURIComponent(secret).toLowerCase()],
    ['encoded as a form is', (secret: string) => new URLSearchParams([['a', secret]]).toString()],
    ['as the user name of a URL is', (secret: string) => encodeURI(secret).replaceAll('/', '%2F')],
    [
      'encoded character by character',
      (secret: string) =>
        [...Buffer.from(secret)].map((octet) => `%${octet.toString(16)}`).join(''),
    ],
    ['encoded twice', (secret: string) => encodeURIComponent(encodeURIComponent(secret))],
    ['in JSON', (secret: string) => JSON.stringify({ secret })],
    ['in JSON that is a text in JSON', (secret: string) => JSON.stringify(JSON.stringify(secret))],
  ])('%s', (_, spell) => {
    const { lines, log } = logInto([SECRET]);
    log.info({ [spell(SECRET)]: [spell(SECRET)] }, `said ${spell(SECRET)}`);
    expect(lines[0]?.match(/\[secret\]/g)).toHaveLength(3);
    expect(lines[0]).not.toMatch(/pa55|w0rd/);
  });

  test('that holds two slashes leaves no part of itself', () => {
    const { lines, log } = logInto(['AAAAAAAA//BBBB.BBBB/CCCCCCCC']);
    log.info('key AAAAAAAA//BBBB.BBBB/CCCCCCCC');
    expect(lines[0]).toContain('"msg":"key [secret]"');
  });

  test('that is a part of the line’s own JSON leaves a line that can be read', () => {
    const { lines, log } = logInto(['"msg":"']);
    log.info({ url: `https://host/${HIDDEN}` }, 'text');
    expect(lines[0]).not.toContain(HIDDEN);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: expect.stringContaining('[secret]') });
  });
});
