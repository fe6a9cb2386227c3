import { describe, expect, test } from 'vitest';
import { bearer, generationOf, ID, problemOf, REQUEST, setup } from './setup.ts';

const inputWith = (more: object) => ({ ...REQUEST, input: { ...REQUEST.input, ...more } });
const withPerson = (personImage: string) => inputWith({ personImage });

describe('asking for a generation', () => {
  test('is answered 202 with its address, and is recorded, scheduled and queued', async () => {
    const { ask, redis, keys, queue } = await setup();
    const response = await ask({ ...REQUEST, metadata: { order: 'ü-7' } });
    expect(response.status).toBe(202);
    const body = await generationOf(response);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^gen_[0-9A-Z]{26}$/),
      status: 'queued',
      provider: 'fashn',
      model: 'tryon-v1.6',
      results: [],
      reason: null,
      finishedAt: null,
      metadata: { order: 'ü-7' },
      redriveOf: null,
    });
    expect(response.headers.get('location')).toBe(`/v1/generations/${body.id}`);
    expect(await redis.exists(keys.record(body.id))).toBe(1);
    expect(await redis.zscore(keys.owed('fashn'), body.id)).not.toBeNull();
    const jobs = await queue('submit-fashn').getJobs();
    expect(jobs.map((job) => job.data)).toEqual([{ v: 1, id: body.id, turn: expect.any(Number) }]);
  });

  test('its address answers the same representation', async () => {
    const { ask, call } = await setup();
    const asked = await ask();
    const read = await call(asked.headers.get('location') ?? '', { headers: bearer('shop') });
    expect(read.status).toBe(200);
    expect(await read.json()).toEqual(await asked.json());
  });
});

describe('an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'order-7' };

  test('used again for the same body answers the first generation with 200', async () => {
    const { ask, contents } = await setup();
    const first = await ask(REQUEST, key);
    // BullMQ counts a job that is there already, and notes it among the events: nobody acts on either.
    const written = async () => (await contents()).filter((key) => !/:(events|id) /.test(key));
    const before = await written();
    const reordered = Object.fromEntries(Object.entries(REQUEST).reverse());
    const again = await ask(reordered, key);
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(await again.json()).toEqual(await first.json());
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(await written()).toEqual(before);
  });

  test('used again for another body is refused with 409, and nothing is written', async () => {
    const { ask, contents } = await setup();
    await ask(REQUEST, key);
    const before = await contents();
    const response = await ask(inputWith({ seed: 7 }), key);
    expect(response.status).toBe(409);
    const { code, fields } = await problemOf(response);
    expect({ code, fields }).toEqual({ code: 'idempotency_conflict', fields: ['Idempotency-Key'] });
    expect(await contents()).toEqual(before);
  });

  test('belongs to its tenant', async () => {
    const { ask } = await setup();
    const first = await generationOf(await ask(REQUEST, key));
    const other = await ask(REQUEST, { ...key, ...bearer('rival') });
    expect(other.status).toBe(202);
    expect((await generationOf(other)).id).not.toBe(first.id);
  });

  test('used many times at once makes one generation', async () => {
    const { ask, queue } = await setup();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(REQUEST, key)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(9).fill(200), 202]);
    const ids = await Promise.all(answers.map(async (answer) => (await generationOf(answer)).id));
    expect(new Set(ids).size).toBe(1);
    expect(await queue('submit-fashn').getJobs()).toHaveLength(1);
  });

  test.each(['', 'x'.repeat(256)])('of %o is refused', async (value) => {
    const { ask, contents } = await setup();
    const { code, fields } = await problemOf(await ask(REQUEST, { 'idempotency-key': value }));
    expect({ code, fields }).toEqual({ code: 'invalid_request', fields: ['Idempotency-Key'] });
    expect(await contents()).toEqual([]);
  });
});

describe('who may', () => {
  test.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer key-of-nobody-0000000' }],
    ['a key with something behind it', { authorization: `${bearer('shop').authorization}x` }],
    ['another scheme', { authorization: bearer('shop').authorization.replace('Bearer', 'Basic') }],
  ])('%s is refused with 401, before the body is read', async (_, headers) => {
    const { call, contents } = await setup();
    const paths = [
      'POST /v1/generations',
      'GET /v1/generations/x',
      'POST /v1/generations/x/cancel',
    ];
    for (const [method = '', path = ''] of paths.map((line) => line.split(' '))) {
      const sent = new Headers({ 'content-type': 'application/json' });
      for (const [name, value] of Object.entries(headers)) sent.set(name, value);
      const body = method === 'POST' ? { body: '{malformed' } : {};
      const response = await call(path, { method, headers: sent, ...body });
      expect(await problemOf(response), path).toMatchObject({ status: 401, code: 'unauthorized' });
    }
    expect(await contents()).toEqual([]);
  });

  test('another tenant’s generation does not exist, to read or to cancel', async () => {
    const { ask, call, contents } = await setup();
    const path = (await ask()).headers.get('location') ?? '';
    const before = await contents();
    const read = await call(path, { headers: bearer('rival') });
    const cancel = await call(`${path}/cancel`, { method: 'POST', headers: bearer('rival') });
    expect([read.status, cancel.status]).toEqual([404, 404]);
    expect((await problemOf(read)).code).toBe('generation_not_found');
    expect((await problemOf(cancel)).code).toBe('generation_not_found');
    expect(await contents()).toEqual(before);
  });
});

describe('cancelling', () => {
  test('is answered 202 and queued as one event; 404 for what does not exist', async () => {
    const { ask, cancel, completions } = await setup();
    const { id } = await generationOf(await ask());
    const response = await cancel(id);
    expect(response.status).toBe(202);
    expect((await generationOf(response)).id).toBe(id);
    expect(await completions()).toEqual([[{ id, event: { type: 'cancel' } }]]);
    for (const unknown of [ID, 'nonsense', 'gen_%00']) {
      expect((await cancel(unknown)).status).toBe(404);
    }
    expect(await completions()).toHaveLength(1);
  });

  test('of one that has ended is answered 200 with how it ended, and queues nothing', async () => {
    const { ask, cancel, redis, keys, completions } = await setup();
    const { id } = await generationOf(await ask());
    const [, json = ''] = ((await redis.get(keys.record(id))) ?? '').split('\n');
    const ended = { state: 'failed', reason: { code: 'pose_not_found', message: 'No pose.' } };
    const record = { ...JSON.parse(json), ...ended, finishedAt: 1, via: 'poll', polls: 2 };
    await redis.set(keys.record(id), `2\n${JSON.stringify(record)}`);
    const response = await cancel(id);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'failed', reason: ended.reason });
    expect(await completions()).toEqual([]);
  });
});

describe('bad input is refused by name, and nothing is half-written', () => {
  async function expectRefused(
    body: unknown,
    expected: { status: number; code: string; fields: readonly string[] },
  ): Promise<void> {
    const { ask, contents } = await setup({ ALLOW_INSECURE_URLS: 'false' });
    const response = await ask(body);
    const { type, code, fields } = await problemOf(response);
    expect({ status: response.status, code, fields }).toEqual(expected);
    expect(type).toBe(`urn:catwalk:error:${code}`);
    expect(await contents()).toEqual([]);
  }

  const twoGarments = ['https://a.example/1', 'https://a.example/2'];
  test.each([
    ['a missing provider', { ...REQUEST, provider: undefined }, ['provider']],
    ['an unknown field', { ...REQUEST, colour: 1 }, ['colour']],
    ['an unknown input field', inputWith({ colour: 1, size: 2 }), ['input.colour', 'input.size']],
    ['an input of the wrong type', inputWith({ seed: 'x' }), ['input.seed']],
    ['too many garments', inputWith({ garmentImages: twoGarments }), ['input.garmentImages']],
    ['a data: URI', withPerson('data:image/png;base64,AAAA'), ['input.personImage']],
    ['a list', [REQUEST], ['body']],
    ['a bare string', '"fashn"', ['body']],
    ['nothing', '', ['provider', 'model', 'input']],
  ])('%s', async (_, body, fields) => {
    await expectRefused(body, { status: 400, code: 'invalid_request', fields });
  });

  test.each([
    ['an http:// image', withPerson('http://images.example.com/a.png'), 'input.personImage'],
    ['a private address', withPerson('https://192.168.1.7/a.png'), 'input.personImage'],
    ['the cloud’s metadata address', withPerson('https://169.254.169.254/a'), 'input.personImage'],
    ['a name inside the network', withPerson('https://localhost/a.png'), 'input.personImage'],
    ['an http:// callback', { ...REQUEST, callbackUrl: 'http://shop.example.com/' }, 'callbackUrl'],
  ])('%s', async (_, body, field) => {
    await expectRefused(body, { status: 400, code: 'url_not_allowed', fields: [field] });
  });

  const metadata = { note: 'ü'.repeat(2_049) };
  const large = JSON.stringify({ ...REQUEST, x: 'y'.repeat(65_536) });
  const notUtf8 = new Uint8Array([0x22, 0xff, 0x22]);
  test.each<[string, unknown, number, string, ...string[]]>([
    [
      'an unknown provider',
      { ...REQUEST, provider: 'nobody' },
      400,
      'unknown_provider',
      'provider',
    ],
    ['an unknown model', { ...REQUEST, model: 'tryon-v9' }, 400, 'unknown_model', 'model'],
    [
      'an inherited name as model',
      { ...REQUEST, model: 'constructor' },
      400,
      'unknown_model',
      'model',
    ],
    [
      'metadata over 4 KB in bytes',
      { ...REQUEST, metadata },
      413,
      'metadata_too_large',
      'metadata',
    ],
    ['malformed JSON', '{"provider":', 400, 'malformed_json'],
    ['text that is not UTF-8', notUtf8, 400, 'malformed_json'],
    ['a body nested too deep', `{"metadata":${'['.repeat(5_000)}`, 400, 'json_too_deep'],
    ['a body too large', large, 413, 'body_too_large'],
  ])('%s', async (_, body, status, code, ...fields) => {
    await expectRefused(body, { status, code, fields });
  });

  test('everything that is wrong with one request is named in one answer', async () => {
    const { ask, contents } = await setup({ ALLOW_INSECURE_URLS: 'false' });
    const body = { ...withPerson('http://10.0.0.1/a.png'), colour: 1, callbackUrl: 'http://x/' };
    const key = { 'idempotency-key': '' };
    const { code, detail, fields } = await problemOf(await ask({ ...body, metadata: 5 }, key));
    const named = ['Idempotency-Key', 'metadata', 'colour', 'input.personImage', 'callbackUrl'];
    expect({ code, fields }).toEqual({ code: 'invalid_request', fields: named });
    for (const field of named) expect(detail).toContain(`${field}: `);
    expect(await contents()).toEqual([]);
  });

  test.each([
    ['{"order":90071992547409931}', 'metadata.order'],
    ['{"orders":[1e400]}', 'metadata.orders.0'],
    ['{"__proto__":{"admin":true}}', 'metadata.__proto__'],
    ['{"a":{"__proto__":1}}', 'metadata.a.__proto__'],
  ])('metadata %s would come back changed, and is refused at its place', async (text, field) => {
    const { ask, contents } = await setup();
    const body = JSON.stringify({ ...REQUEST, metadata: 0 }).replace('"metadata":0', () => {
      return `"metadata":${text}`;
    });
    const { code, fields } = await problemOf(await ask(body));
    expect({ code, fields }).toEqual({ code: 'invalid_request', fields: [field] });
    expect(await contents()).toEqual([]);
  });

  test('an own __proto__ is a named mistake wherever it stands', async () => {
    const { ask } = await setup();
    const text = JSON.stringify({ ...inputWith({ PROTO: 1 }), PROTO: 1 });
    const { fields } = await problemOf(await ask(text.replaceAll('PROTO', '__proto__')));
    expect(fields).toEqual(['__proto__', 'input.__proto__']);
  });

  test('metadata of many levels is answered 400, and not followed down', async () => {
    const { ask, contents, logged } = await setup();
    const text = `{"x":${'['.repeat(15_000)}${']'.repeat(15_000)}}`;
    const body = JSON.stringify({ ...REQUEST, metadata: 0 });
    const response = await ask(body.replace('"metadata":0', `"metadata":${text}`));
    expect(response.status).toBe(400);
    expect(await contents()).toEqual([]);
    expect(logged.join('')).not.toContain('request failed');
  });

  test('what is known is named when a provider or model is not', async () => {
    const { ask } = await setup();
    const provider = await problemOf(await ask({ ...REQUEST, provider: 'nobody' }));
    expect(provider.detail).toContain('fitinview, fashn');
    const model = await problemOf(await ask({ ...REQUEST, model: 'tryon-v9' }));
    expect(model.detail).toContain('tryon-v1.6, tryon-max');
  });

  test('a data: URI comes with advice what to send instead', async () => {
    const { ask } = await setup();
    const { detail } = await problemOf(await ask(withPerson('data:image/png;base64,AAAA')));
    expect(detail).toMatch(/upload .* send its https:\/\/ URL/);
  });

  test('outside production an http:// image of this machine is accepted', async () => {
    const { ask } = await setup();
    expect((await ask(withPerson('http://127.0.0.1:9/a.png'))).status).toBe(202);
  });

  test.each([
    ['another content type', { 'content-type': 'text/plain' }, 'unsupported_media_type'],
    ['an unknown encoding', { 'content-encoding': 'rot13' }, 'unsupported_encoding'],
    [
      'an unknown charset',
      { 'content-type': 'application/json; charset=x-odd' },
      'unsupported_charset',
    ],
    [
      'a content type that only begins like JSON',
      { 'content-type': 'application/jsonp' },
      'unsupported_media_type',
    ],
  ])('%s', async (_, headers, code) => {
    const { ask, contents } = await setup();
    const response = await ask(REQUEST, headers);
    expect(await problemOf(response)).toMatchObject({ status: 415, code });
    expect(await contents()).toEqual([]);
  });

  test('a path that cannot be decoded, and one that does not exist', async () => {
    const { call, logged } = await setup();
    const damaged = await call('/v1/generations/%E0%A4%A', { headers: bearer('shop') });
    expect(await problemOf(damaged)).toMatchObject({ status: 400, code: 'bad_request' });
    const missing = await call('/v2');
    expect(await problemOf(missing)).toMatchObject({ status: 404, code: 'not_found' });
    expect(logged.join('')).not.toContain('request failed');
  });
});
