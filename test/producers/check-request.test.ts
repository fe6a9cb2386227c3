import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { InvalidRequest } from '../../src/generation/errors.ts';
import { ImageUrl } from '../../src/outbound/url-policy.ts';
import { createRequestCheck } from '../../src/producers/check-request.ts';

const REQUEST = { provider: 'acme', model: 'dress', input: {} };

const MODELS = {
  dress: { input: z.strictObject({}) },
  sew: {
    input: z.strictObject({
      picture: ImageUrl,
      garments: z.array(ImageUrl).max(1).optional(),
      seed: z.int().optional(),
    }),
  },
  free: { input: z.record(z.string(), z.unknown()) },
};

function check(asked: unknown, who: unknown = { tenant: 'shop' }) {
  const providers = new Map([['acme', { models: MODELS }]]);
  return createRequestCheck({ providers, allowInsecureUrls: false })(asked, who);
}

/** Refused: with which code, and for which fields. */
function refusalOf(asked: unknown, who?: unknown) {
  try {
    check(asked, who);
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error;
    const { code, problems } = error;
    return { code, problems, fields: problems.map(({ field }) => field) };
  }
  throw new Error('not refused');
}

test('an empty callbackUrl is a mistake, not a wish for silence', () => {
  const { code, fields } = refusalOf({ ...REQUEST, callbackUrl: '' });
  expect({ code, fields }).toEqual({ code: 'url_not_allowed', fields: ['callbackUrl'] });
});

test('what is missing or of a wrong kind is told in plain words', () => {
  expect(
    refusalOf({ input: [], callbackUrl: 1 }, { tenant: 'shop', idempotencyKey: '' }),
  ).toMatchObject({
    problems: [
      { field: 'Idempotency-Key', message: 'must have at least 1 character' },
      { field: 'provider', message: 'is required' },
      { field: 'model', message: 'is required' },
      { field: 'input', message: 'must be an object' },
      { field: 'callbackUrl', message: 'must be a text' },
    ],
  });
  const input = {
    picture: 'https://images.example.com/a.png',
    garments: ['https://images.example.com/a.png', 'https://images.example.com/b.png'],
    seed: 'one',
  };
  expect(refusalOf({ provider: 'acme', model: 'sew', input }).problems).toEqual([
    { field: 'input.garments', message: 'must have at most 1 entry' },
    { field: 'input.seed', message: 'must be a number' },
  ]);
});

describe('all mistakes of a request are named at once', () => {
  const sew = (input: object) => ({ provider: 'acme', model: 'sew', input });
  const PICTURE = 'https://images.example.com/a.png';

  test('of caller, envelope, input, URLs and metadata, under the code for several kinds', () => {
    const metadata = { long: 'x'.repeat(5_000), id: 2 ** 60 };
    const input = { picture: 'http://images.example.com/a.png', seed: 'one', colour: 1 };
    const asked = { ...sew(input), metadata, callbackUrl: 'http://10.0.0.1/', size: 1 };
    expect(refusalOf(asked, { tenant: 'x y', idempotencyKey: '' })).toMatchObject({
      code: 'invalid_request',
      fields: [
        ...['tenant', 'Idempotency-Key', 'size'],
        ...['input.seed', 'input.colour', 'input.picture'],
        ...['metadata.id', 'metadata', 'callbackUrl'],
      ],
    });
  });

  test.each([
    ['unknown_provider', { ...REQUEST, provider: 'nobody' }, ['provider']],
    ['unknown_model', { ...REQUEST, model: 'none' }, ['model']],
    [
      'url_not_allowed',
      { ...sew({ picture: 'http://a.example.com/' }), callbackUrl: 'https://localhost/' },
      ['input.picture', 'callbackUrl'],
    ],
    ['metadata_too_large', { ...REQUEST, metadata: { x: 'y'.repeat(5_000) } }, ['metadata']],
    ['invalid_request', { ...sew({}), metadata: 5 }, ['metadata', 'input.picture']],
  ])('one kind of mistake keeps its code: %s', (code, asked, fields) => {
    expect(refusalOf(asked)).toMatchObject({ code, fields });
  });

  test('the input is judged although another field of the envelope is wrong', () => {
    const { fields } = refusalOf({ ...sew({ seed: 1.5 }), callbackUrl: 5 });
    expect(fields).toEqual(['callbackUrl', 'input.picture', 'input.seed']);
  });

  test('a list with too many entries is still looked into', () => {
    const garments = [PICTURE, 'http://images.example.com/b.png'];
    const { fields } = refusalOf(sew({ picture: PICTURE, garments }));
    expect(fields).toEqual(['input.garments', 'input.garments.1']);
  });

  test.each([
    ['an unknown provider makes no input wrong', { ...sew({}), provider: 'nobody' }, ['provider']],
    [
      'nor does an unknown model',
      { ...sew({ picture: 'http://a.example/' }), model: 'x' },
      ['model'],
    ],
    [
      'a picture of the wrong type has no wrong URL in it',
      sew({ picture: { url: 'http://a.example/' } }),
      ['input.picture'],
    ],
    [
      'a field that nobody knows has no wrong URL in it',
      sew({ picture: PICTURE, more: { url: 'ftp://x' } }),
      ['input.more'],
    ],
    ['a data: URI is wrong once', sew({ picture: 'data:image/png;base64,AA' }), ['input.picture']],
    [
      'a seed that is too large is the model’s to refuse',
      sew({ picture: PICTURE, seed: 2 ** 60 }),
      ['input.seed'],
    ],
    ['what is no request has no fields', 'text', ['body']],
  ])('nothing is said that only follows: %s', (_, asked, fields) => {
    const refused = refusalOf(asked);
    expect(refused.fields).toEqual(fields);
  });

  test('an answer does not grow with thousands of mistakes, or with long names', () => {
    const many = Object.fromEntries(Array.from({ length: 9_000 }, (_, i) => [`f${i}`, 2 ** 60]));
    const { problems, fields } = refusalOf({ ...sew({ picture: PICTURE, ...many }) });
    expect(problems).toHaveLength(51);
    expect(problems.at(-1)).toEqual({ field: 'body', message: 'has 8950 more mistakes' });
    expect(fields[0]).toBe('input.f0');
    const long = refusalOf({ ...REQUEST, metadata: { ['x'.repeat(4_000)]: 2 ** 60 } });
    expect(long.fields).toEqual([`metadata.${'x'.repeat(64)}…`]);
  });
});

describe('metadata that JSON would not bring back as it is', () => {
  const parsed = (text: string): unknown => JSON.parse(text);
  test.each([
    [
      'a number beyond 2^53',
      parsed('{"id":90071992547409931}'),
      'id',
      /as a string: .* lose digits/,
    ],
    ['a number far beyond', parsed('{"list":[1,{"id":-1e400}]}'), 'list.1.id', /lose digits/],
    ['NaN', { x: Number.NaN }, 'x', /NaN/],
    ['__proto__', parsed('{"__proto__":{"admin":true}}'), '__proto__', /use another/],
    ['__proto__ further in', parsed('{"a":[{"__proto__":1}]}'), 'a.0.__proto__', /use another/],
    ['a bigint', { x: 1n }, 'x', /as a string/],
    ['undefined', { x: undefined }, 'x', /undefined/],
    ['a function', { x: () => 1 }, 'x', /function/],
    ['a symbol', { x: Symbol('x') }, 'x', /symbol/],
    ['a date', { x: new Date(0) }, 'x', /Date/],
    ['a map', { x: new Map([[1, 2]]) }, 'x', /class/],
    ['an object of another class', { x: new (class Order {})() }, 'x', /class/],
    ['a function of its own for JSON', { x: { toJSON: () => 1 } }, 'x.toJSON', /function/],
    ['a list with a gap', { x: Array(2) }, 'x', /gap/],
    ['a list with a field', { x: Object.assign([1], { more: 1 }) }, 'x', /hidden|gap/],
    ['a symbol for a name', { x: { [Symbol('x')]: 1 } }, 'x', /hidden/],
  ])('is refused at its place: %s', (_, metadata, place, message) => {
    const { code, problems } = refusalOf({ ...REQUEST, metadata });
    expect(code).toBe('invalid_request');
    expect(problems).toEqual([
      { field: `metadata.${place}`, message: expect.stringMatching(message) },
    ]);
  });

  test('a getter is refused, and not run', () => {
    let runs = 0;
    const getter = {
      get x() {
        runs += 1;
        throw new Error('run');
      },
    };
    const refused = refusalOf({ ...REQUEST, metadata: getter });
    const inside = refusalOf({ ...REQUEST, model: 'free', input: { a: getter } });
    expect([refused.fields, inside.fields, runs]).toEqual([['metadata'], ['input.a'], 0]);
  });

  test('what JSON does bring back is taken: names like `constructor`, other realms, large numbers', () => {
    const text =
      '{"constructor":{"prototype":1},"toJSON":"x","n":9007199254740991,"f":-0.1,"s":"\\ud800"}';
    const metadata: unknown = runInNewContext(`JSON.parse(${JSON.stringify(text)})`);
    expect(JSON.stringify(check({ ...REQUEST, metadata }).request.metadata)).toBe(text);
  });

  test('the same holds for an input that its model does not describe', () => {
    const input = parsed('{"a":1e20,"b":{"__proto__":2},"c":[9007199254740993]}');
    const { code, fields } = refusalOf({ ...REQUEST, model: 'free', input });
    expect(code).toBe('invalid_request');
    expect(fields).toEqual(['input.a', 'input.b.__proto__', 'input.c.0']);
  });

  test('a field of the input that is undefined is as good as absent', () => {
    const input = { picture: 'https://images.example.com/a.png', seed: undefined };
    const asked = { ...REQUEST, model: 'sew', input };
    expect(() => check(asked)).not.toThrow();
  });
});

describe('what is too deep or too much never reaches what would follow it down', () => {
  /** Objects and lists in turns, so many levels of them. */
  const nested = (levels: number): unknown =>
    JSON.parse(
      Array.from({ length: levels }).reduceRight<string>(
        (inner, _, i) => (i % 2 ? `[${inner}]` : `{"x":${inner}}`),
        '1',
      ),
    );
  const MORE = ['metadata', 'input'] as const;

  test.each(MORE)(
    '%s with 31 levels is taken, and with 32 refused: the request is the first',
    (field) => {
      const asked = (levels: number) => ({ ...REQUEST, model: 'free', [field]: nested(levels) });
      expect(() => check(asked(31))).not.toThrow();
      const { code, problems } = refusalOf(asked(32));
      expect(code).toBe('invalid_request');
      expect(problems).toEqual([
        {
          field: `${field}${'.x.0'.repeat(15)}.x`,
          message: 'is nested too deeply: a request may have 32 levels',
        },
      ]);
    },
  );

  test.each(MORE)('%s with 100,000 levels is refused by its name, at once', (field) => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const startedAt = performance.now();
    const { code, problems } = refusalOf({ ...REQUEST, model: 'free', [field]: { deep } });
    expect(code).toBe('invalid_request');
    expect(problems).toEqual([
      {
        field: expect.stringMatching(`^${field}\\.deep`),
        message: expect.stringContaining('nested too deeply'),
      },
    ]);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test.each(MORE)('%s that holds itself is refused where it does', (field) => {
    const round: Record<string, unknown> = { list: [1] };
    (round['list'] as unknown[]).push({ back: round });
    const { problems } = refusalOf({ ...REQUEST, model: 'free', [field]: round });
    expect(problems).toEqual([
      { field: `${field}.list.1.back`, message: expect.stringContaining('holds itself') },
    ]);
  });

  test('a value that only looks small, because it holds the same one often, is too much', () => {
    let wide: unknown = [1];
    for (let i = 0; i < 20; i++) wide = [wide, wide];
    const asked = { ...REQUEST, model: 'free' };
    expect(refusalOf({ ...asked, metadata: { wide } })).toMatchObject({
      code: 'metadata_too_large',
      fields: ['metadata'],
    });
    expect(refusalOf({ ...asked, input: { wide } })).toMatchObject({
      code: 'invalid_request',
      fields: ['input'],
    });
    const twice = { same: [1] };
    expect(() => check({ ...asked, metadata: { a: twice, b: twice } })).not.toThrow();
  });
});

test('input that no record should hold is refused before anything is stored', () => {
  const asked = (length: number) => ({
    ...REQUEST,
    model: 'free',
    input: { prompt: 'x'.repeat(length) },
  });
  const most = 1024 * 1024 - '{"prompt":""}'.length;
  expect(() => check(asked(most))).not.toThrow();
  expect(refusalOf(asked(most + 1))).toMatchObject({ code: 'invalid_request', fields: ['input'] });
  // As JSON spells it, a control character is six.
  expect(refusalOf({ ...asked(0), input: { prompt: '\u0001'.repeat(200_000) } }).fields).toEqual([
    'input',
  ]);
});
