import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redact, redactText } from '../../src/config/redact.ts';

/** What every one of the URLs below leads to, and nobody may read. */
const SECRET = 's3cr3t';

describe('a URL becomes its scheme and host', () => {
  test.each([
    ['https://cdn.example.com/a/s3cr3t.png?sig=s3cr3t#s3cr3t', 'https://cdn.example.com/…'],
    ['HTTPS://CDN.example.com/s3cr3t', 'HTTPS://CDN.example.com/…'],
    ['http://host:8080/s3cr3t', 'http://host:8080/…'],
    ['https://host?s3cr3t', 'https://host/…'],
    ['https://host#s3cr3t', 'https://host/…'],
    // user names and passwords
    ['https://user:s3cr3t@host', 'https://host/…'],
    ['https://s3cr3t@host/path', 'https://host/…'],
    ['https://user:pa@s3cr3t@host/path', 'https://host/…'],
    ['redis://:s3cr3t@redis.example.com:6379/0', 'redis://redis.example.com:6379/…'],
    ['redis://user:s3cr3t%40@host', 'redis://host/…'],
    ['postgres://user:s3cr3t@db/base', 'postgres://db/…'],
    ['redis://user:pa/s3cr3t@host/0', 'redis://…'],
    ['redis://user:12/s3cr3t@host/0', 'redis://…'],
    ['https://user:12/s3cr3t@host/0', 'https://…'],
    ['redis://user:pa?s3cr3t@host', 'redis://…'],
    // other schemes
    ['ftp://host/s3cr3t', 'ftp://host/…'],
    ['s3://bucket/s3cr3t', 's3://bucket/…'],
    ['gs://bucket/s3cr3t', 'gs://bucket/…'],
    ['wss://host/s3cr3t', 'wss://host/…'],
    ['blob:https://host/s3cr3t', 'blob:https://host/…'],
    ['svn+ssh://host/s3cr3t', 'svn+ssh://host/…'],
    ['file://host/s3cr3t', 'file://host/…'],
    ['data:image/png;base64,s3cr3t', 'data:…'],
    ['data:,s3cr3t', 'data:…'],
    ["data:image/svg+xml,<svg xmlns='x'> s3cr3t</svg>", 'data:…'],
    ['DATA:text/plain;charset=utf-8,s3cr3t', 'DATA:…'],
    // without a scheme
    ['//host/s3cr3t', '//host/…'],
    ['see //cdn.example.com/s3cr3t now', 'see //cdn.example.com/… now'],
    ['src=//host/s3cr3t', 'src=//host/…'],
    ['x//cdn.example.com/s3cr3t', 'x//cdn.example.com/…'],
    ['//user:s3cr3t@host', '//host/…'],
    // other spellings
    ['https%3A%2F%2Fhost%2Fs3cr3t', 'https%3A%2F%2Fhost/…'],
    ['https%3a%2f%2fhost%3fs3cr3t', 'https%3a%2f%2fhost/…'],
    ['https%253A%252F%252Fhost%252Fs3cr3t', 'https%253A%252F%252Fhost/…'],
    ['/login?to=https%3A%2F%2Fuser%3As3cr3t%40host%2F', '/login?to=https%3A%2F%2Fhost/…'],
    ['/login?to=%2F%2Fhost%2Fs3cr3t', '/login?to=%2F%2Fhost/…'],
    ['x=data%3Aimage%2Fpng%3Bbase64%2Cs3cr3t', 'x=data%3A…'],
    ['https:%2F/host/s3cr3t', 'https:%2F/host/…'],
    ['https:\\/\\/host\\/s3cr3t', 'https:\\/\\/host/…'],
    [
      '{\\"url\\":\\"https:\\/\\/host\\/s3cr3t\\",\\"n\\":1}',
      '{\\"url\\":\\"https:\\/\\/host/…\\",\\"n\\":1}',
    ],
    ['https:\\\\\\/\\\\\\/host\\\\\\/s3cr3t', 'https:\\\\\\/\\\\\\/host/…'],
    ['https:\\u002f\\u002fhost\\u002Fs3cr3t', 'https:\\u002f\\u002fhost/…'],
    ['https\\u003a//host/s3cr3t', 'https\\u003a//host/…'],
    ['https://host/a?b=1\\u0026sig=s3cr3t', 'https://host/…'],
    ['https:&#x2F;&#x2F;host&#x2F;s3cr3t', 'https:&#x2F;&#x2F;host/…'],
    ['https:/host/s3cr3t', 'https:/host/…'],
    ['https:///host/s3cr3t', 'https:///host/…'],
    ['https:\\host\\s3cr3t', 'https:\\host/…'],
    ['https：／／host／s3cr3t', 'https：／／host/…'],
    // other hosts
    ['https://[::1]:3000/s3cr3t', 'https://[::1]:3000/…'],
    ['https%3A%2F%2F%5B2001%3Adb8%3A%3A1%5D%2Fs3cr3t', 'https%3A%2F%2F%5B2001%3Adb8%3A%3A1%5D/…'],
    ['https://bücher.example/s3cr3t', 'https://bücher.example/…'],
    ['https://xn--bcher-kva.example/s3cr3t', 'https://xn--bcher-kva.example/…'],
    ['https://b%C3%BCcher.example/s3cr3t', 'https://b%C3%BCcher.example/…'],
    ['https://例え。テスト/s3cr3t', 'https://例え。テスト/…'],
    ['https://2130706433/s3cr3t', 'https://2130706433/…'],
    ['https://{s3cr3t}/x', 'https://…'],
    // between quotes, brackets and other URLs
    ['"https://host/s3cr3t","id":1', '"https://host/…","id":1'],
    ["{'url': 'https://host/s3cr3t', 'id': 1}", "{'url': 'https://host/…', 'id': 1}"],
    ["'https://host/it's/s3cr3t'", "'https://host/…'"],
    [
      '<https://host/s3cr3t> (https://host/s3cr3t), [x](https://host/s3cr3t).',
      '<https://host/…> (https://host/…), [x](https://host/…).',
    ],
    ['fetch(`https://host/s3cr3t`)', 'fetch(`https://host/…`)'],
    ['https://a.example,https://b.example/s3cr3t', 'https://a.example,https://b.example/…'],
    ['https://a.example/x,https://b.example/s3cr3t', 'https://a.example/…'],
    ['https://host/a"b/s3cr3t', 'https://host/…'],
    ['got https://host/s3cr3t: 404\nthen', 'got https://host/…: 404\nthen'],
    ['file:///app/x.js?from=https://host/s3cr3t', 'file:///app/x.js?from=https://host/…'],
  ])('%s', (text, expected) => {
    expect(redactText(text)).toBe(expected);
    expect(redactText(expected), 'a second time').toBe(expected);
  });
});

describe('a credential is not shown', () => {
  test.each([
    ['Authorization: Bearer s3cr3t', 'Authorization: Bearer …'],
    ['{"authorization":"Key s3cr3t"}', '{"authorization":"Key …"}'],
    ['proxy-authorization=Basic%20s3cr3t', 'proxy-authorization=Basic%20…'],
    ['sent bearer abcs3cr3t, refused', 'sent bearer …, refused'],
    ['Basic b3BlcmF0b3I6czNjcjN0', 'Basic …'],
    ['x-api-key: s3cr3t', 'x-api-key: …'],
    ['X-FitInView-Signature: 0123456789abcdef', 'X-FitInView-Signature: …'],
    ['"webhook-signature":"v1,c2VjcmV0c2VjcmV0 v1,czNjcjN0c2VjcmV0"', '"webhook-signature":"…"'],
    ['/private?X-Amz-Signature=0123456789abcdefs3cr3t', '/private?X-Amz-Signature=…'],
    ['the key whsec_c2VjcmV0c2VjcmV0', 'the key whsec_…'],
    [
      'POST /webhooks/fashn/gen_01ARZ3NDEKTSV4RRFFQ69G5FAV/0123456789-abcdef_s3cr3tABC',
      'POST /webhooks/fashn/gen_01ARZ3NDEKTSV4RRFFQ69G5FAV/…',
    ],
    [
      'webhooks%2Ffashn%2Fgen_01ARZ3NDEKTSV4RRFFQ69G5FAV%2F0123456789-abcdef_s3cr3tABC',
      'webhooks%2Ffashn%2Fgen_01ARZ3NDEKTSV4RRFFQ69G5FAV%2F…',
    ],
  ])('%s', (text, expected) => {
    expect(redactText(text)).toBe(expected);
    expect(redactText(expected), 'a second time').toBe(expected);
  });

  test('in a field of its name, whatever it looks like', () => {
    const headers = {
      Authorization: 'x y',
      'set-cookie': ['a=b', 'c=d'],
      'X-Api-Key': 'x',
      'webhook-signature': { any: 'thing' },
      'x-fal-webhook-signature': 'short',
      'content-type': 'text/plain',
    };
    expect(redact({ headers })).toEqual({
      headers: {
        Authorization: '…',
        'set-cookie': '…',
        'X-Api-Key': '…',
        'webhook-signature': '…',
        'x-fal-webhook-signature': '…',
        'content-type': 'text/plain',
      },
    });
  });
});

describe('what is left as it is', () => {
  test.each([
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'https://catwalk.example.com/',
    'listening at https://catwalk.example.com, and http://127.0.0.1:3000.',
    'redis://127.0.0.1:6379',
    'must be redis://, rediss:// (each with a number as its path, if any) or unix:///',
    'Accept http:// and private-network URLs. Default: only outside production.',
    'unix:///run/redis.sock',
    '/v1/generations/gen_01ARZ3NDEKTSV4RRFFQ69G5FAV?wait=1',
    '/v1//generations/x',
    '/webhooks/fashn/gen_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'submit-fitinview',
    '{catwalk}:poll-fashn',
    'fashn/tryon-v1.6',
    '2026-01-02T03:04:05.678Z',
    'TypeError: x is not a function\n    at run (file:///app/src/workers/main.ts:10:5)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    '    at Object.<anonymous> (/app/node_modules/bullmq/dist/esm/classes/worker.js:1:2)',
    'C:\\Users\\me\\app.js and C:\\\\Users\\\\me',
    '// a comment, and/or 1/2 of it; 50% off, 100%/h',
    'metadata:image, data: none, no data',
    'basic understanding, bearer of news',
    'the signature is wrong; signature: missing',
    'me@example.com 👗 ünïcödé',
    '',
  ])('%s', (text) => {
    expect(redactText(text)).toBe(text);
  });

  test('any text without two slashes, a data: URI or a credential’s name', () => {
    const word = fc.stringMatching(/^[\w .:;,()[\]{}"'@=+-]*$/);
    const words = fc.array(
      word.filter((text) => !/data:|auth|key|cookie|sign|bear|basic|whsec/i.test(text)),
    );
    fc.assert(
      fc.property(words, (parts) => {
        const path = parts.map((part) => part.replace(/[:=]$/, '')).join(' / ');
        expect(redactText(path)).toBe(path);
      }),
    );
  });
});

/** Spellings of a URL that a log or a job may hold, each once or twice over. */
const ENCODERS: readonly ((text: string) => string)[] = [
  (text) => text,
  encodeURIComponent,
  (text) => encodeURIComponent(text).toLowerCase(),
  (text) => JSON.stringify(text).slice(1, -1),
  (text) => text.replaceAll('/', '\\/'),
  (text) => text.replaceAll('/', '\\u002f'),
  (text) => text.replaceAll('/', '&#x2F;'),
  (text) => text.replace(/^https/, 'HTTPS'),
];
const AROUND: readonly (readonly [string, string])[] = [
  ['', ''],
  ['"', '"'],
  ["'", "'"],
  ['(', ')'],
  ['<', '>'],
  ['[', '](x)'],
  ['url=', '&n=1'],
  ['{"url":"', '","n":1}'],
  ['{\\"url\\":\\"', '\\"}'],
  ['before ', ' after'],
  ['Error: ', ': failed'],
  ['a,', ',b'],
  ['\\', '\\'],
  ['%22', '%22'],
];

test('no spelling, however it is combined and wherever it stands, shows where a URL leads', () => {
  const part = fc.stringMatching(/^[\w.~!$&*+;=@%-]{0,12}$/);
  const scheme = fc.constantFrom('https:', 'http:', 'redis:', 's3:', 'wss:', 'x-own:', '');
  const login = fc.constantFrom('', `user:${SECRET}@`, `${SECRET}@`);
  const host = fc.constantFrom(
    'host',
    'cdn.example.com',
    '127.0.0.1:80',
    '[::1]',
    'bücher.example',
  );
  const path = fc
    .tuple(part, fc.constantFrom('/', '?', '#', '/?a='))
    .map(([before, sign]) => `/${before}${sign}${SECRET}`);
  const url = fc.tuple(scheme, login, host, path).map(([a, b, c, d]) => `${a}//${b}${c}${d}`);
  const encoders = fc.array(fc.constantFrom(...ENCODERS), { maxLength: 3 });
  fc.assert(
    fc.property(url, encoders, fc.constantFrom(...AROUND), (plain, spellings, [before, after]) => {
      const text = before + spellings.reduce((rest, encode) => encode(rest), plain) + after;
      expect(redactText(text)).not.toContain(SECRET);
      expect(redactText(redactText(text))).toBe(redactText(text));
    }),
    { numRuns: 3_000 },
  );
});

describe('a structure', () => {
  test('is walked through: keys, values, lists, and what JSON makes of dates and maps', () => {
    const url = `https://host/${SECRET}`;
    const value = {
      [url]: [url, { [`${url}/2`]: 1, when: new Date(0), map: new Map([[url, url]]) }],
      [`${url}/3`]: { toJSON: () => ({ url }) },
      n: 1,
      no: null,
    };
    expect(redact(value)).toEqual({
      'https://host/…': [
        'https://host/…',
        { 'https://host/…': 1, when: '1970-01-01T00:00:00.000Z', map: {} },
      ],
      'https://host/… (2)': { url: 'https://host/…' },
      n: 1,
      no: null,
    });
    expect(Object.keys(value)).toContain(url);
  });

  test('keeps a field named __proto__ a field', () => {
    const value: unknown = JSON.parse('{"__proto__":{"url":"https://host/x"}}');
    expect(JSON.stringify(redact(value))).toBe('{"__proto__":{"url":"https://host/…"}}');
  });

  test('is the same as JSON would show it where there is nothing to hide', () => {
    const plain = fc.stringMatching(/^[\w .-]*$/).filter((text) => redactText(text) === text);
    const key = plain.filter(
      (text) => !/^__proto__$|authorization|cookie|key|signature/i.test(text),
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.dictionary(key, plain), (any, words) => {
        const json = JSON.stringify({ any, words });
        fc.pre(
          !/[/\\%&:]|authorization|cookie|key|signature|bearer|basic|webhooks/i.test(
            JSON.stringify(any).replace(/":/g, '"'),
          ),
        );
        expect(JSON.stringify(redact(JSON.parse(json)))).toBe(json);
      }),
    );
  });

  test.each([
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('of %s as deep as an attacker likes is cut, not followed', (_, open, close) => {
    const depth = 200_000;
    const deep: unknown = JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`);
    const shown = JSON.stringify(redact(deep));
    expect(shown.length).toBeLessThan(1_000);
    expect(shown).toContain('…');
  });
});

describe('a long hostile text', () => {
  const PREFIXES = [
    '',
    ' http://',
    'redis://',
    ' //',
    'bearer ',
    'data:,',
    'signature: ',
    '"',
    'https%3A%2F%2F',
  ];
  const UNITS = [
    '/',
    '\\',
    'x//',
    '.x//',
    'http://',
    'http://a,',
    'http://a/',
    'http:',
    'a:/',
    '%25',
    '%2f',
    '%',
    '\\u002f',
    '&#47;',
    '@',
    '//a@',
    'redis://u:1/a@',
    '[::1]',
    ')',
    "'",
    'data:',
    'data:,',
    'authorization: ',
    'bearer+',
    'basic+1',
    'signature=',
    'v1,',
    'webhooks/a/b/',
    'webhooks%25',
    'a-',
    'a',
  ];
  const SIZE = 200_000;

  // Quadratic work on one of these texts is some 10^10 steps: minutes, where the whole test has one.
  test('is read in a time that grows with its length alone', { timeout: 60_000 }, () => {
    for (const prefix of PREFIXES) {
      for (const unit of UNITS) {
        const text = `${prefix}${unit.repeat(SIZE / unit.length)}!`;
        expect(redactText(text).length, prefix + unit).toBeLessThanOrEqual(text.length + SIZE);
      }
    }
  });

  test.each(['http://', 'data:,', 'signature=', 'bearer ', '//%25', 'http:%2f'])(
    'that begins with %s and is longer than anything of ours shows its beginning at most',
    (beginning) => {
      const text = beginning + 'a1'.repeat(4_000_000) + SECRET;
      expect(redactText(text).length).toBeLessThan(300_000);
    },
  );
});
