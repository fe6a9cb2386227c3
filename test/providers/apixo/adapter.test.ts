import { afterEach, describe, expect, test } from 'vitest';
import { createApixo } from '../../../src/providers/apixo/adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const ID = 'task_12345678';
const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const SECOND = 'https://img.example.com/second.jpg';
const LINK = 'https://cdn.example.com/one.png';
const input = { personImage: PERSON, garmentImages: [GARMENT] };
const request = { model: 'nano-banana', input, idempotencyKey: 'gen_1-1' };
const about = { model: 'nano-banana' };
const accepted = { code: 200, message: 'success', data: { taskId: ID } };

async function setup(
  reply: Parameters<typeof loopbackServer>[0],
  more: Partial<ProviderOptions> = {},
) {
  const server = await loopbackServer(reply);
  const shared = await sharedParts();
  closers.push(server.close, shared.close);
  const adapter = createApixo({
    apiKey: 'apixo-key',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
    ...more,
  });
  return { server, adapter };
}

function told(data: Record<string, unknown>) {
  return {
    code: 200,
    message: 'success',
    data: { taskId: ID, createTime: 1_790_000_000_000, ...data },
  };
}

function finished(resultUrls: readonly unknown[]) {
  return told({ state: 'success', resultJson: JSON.stringify({ resultUrls }), costTime: 9_000 });
}

describe('submitting to APIXO', () => {
  test('puts the slug into the path, the person first among the images, and keeps the slug', async () => {
    const { server, adapter } = await setup(always(200, accepted));
    const full = {
      personImage: PERSON,
      garmentImages: [GARMENT, SECOND],
      prompt: 'roll up the sleeves',
      aspectRatio: '3:4',
    };
    const answer = await adapter.submit({ ...request, input: full });
    expect(answer).toEqual({ task: { id: ID, handle: 'nano-banana' } });
    const [sent] = server.received;
    expect(sent).toMatchObject({ method: 'POST', url: '/api/v1/generateTask/nano-banana' });
    expect(sent?.headers).toMatchObject({
      authorization: 'Bearer apixo-key',
      'content-type': 'application/json',
    });
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      request_type: 'async',
      input: {
        mode: 'image-to-image',
        prompt: 'roll up the sleeves',
        image_urls: [PERSON, GARMENT, SECOND],
        aspect_ratio: '3:4',
      },
    });
  });

  test('says what to do with the pictures when the app does not', async () => {
    const { server, adapter } = await setup(always(200, accepted));
    await adapter.submit(request);
    const { input: sent } = JSON.parse(server.received[0]?.body ?? '');
    expect(sent.prompt).toMatch(/dress the person/i);
    expect(sent).not.toHaveProperty('aspect_ratio');
  });

  test('asks for a callback when it has an address for it', async () => {
    const { server, adapter } = await setup(always(200, accepted));
    const webhookUrl = 'https://catwalk.example.com/webhooks/apixo/gen_1/to-ken';
    await adapter.submit({ ...request, webhookUrl });
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({
      request_type: 'callback',
      callback_url: webhookUrl,
    });
  });

  test.each([
    ['gpt-image-1', 'text-to-image'],
    ['sora-2', 'text-to-video'],
  ])('%s makes %s of words', async (model, mode) => {
    const { server, adapter } = await setup(always(200, accepted));
    const words = { prompt: 'a red coat', aspectRatio: '16:9' };
    await adapter.submit({ ...request, model, input: words });
    const [sent] = server.received;
    expect(sent?.url).toBe(`/api/v1/generateTask/${model}`);
    expect(JSON.parse(sent?.body ?? '').input).toEqual({
      mode,
      prompt: 'a red coat',
      aspect_ratio: '16:9',
    });
  });

  test.each([
    [400, 'bad mode', 'Terminal', 'invalid_input'],
    [400, 'Insufficient credits', 'Retryable', 'out_of_credit'],
    [400, 'Prompt holds sensitive content', 'Terminal', 'content_policy'],
    [401, 'no key', 'Retryable', 'unauthorized'],
    [402, 'pay first', 'Retryable', 'out_of_credit'],
    [403, 'the key may not do this', 'Retryable', 'unauthorized'],
    [403, 'Content policy violation', 'Terminal', 'content_policy'],
    [404, 'no such model', 'Terminal', 'provider_rejected'],
    [429, 'slow down', 'Retryable', 'rate_limited'],
    [429, 'too many concurrent tasks', 'Retryable', 'concurrency_limited'],
    [500, 'oops', 'OutcomeUnknown', 'no_answer'],
    [503, 'later', 'OutcomeUnknown', 'no_answer'],
  ])('%d "%s" is %s %s, by the status or by the envelope', async (code, message, name, reason) => {
    const body = { code, message, data: null };
    for (const status of [code, 200]) {
      const { adapter } = await setup(always(status, body));
      await expect(adapter.submit(request)).rejects.toMatchObject({ name, code: reason });
    }
  });

  test.each([
    [502, '<html>', 'no_answer'],
    [200, '<html>', 'unreadable_answer'],
    [200, '{"code":200,"da', 'unreadable_answer'],
    [200, { code: 200, message: 'success', data: null }, 'unreadable_answer'],
    [200, { code: 200, message: 'success', data: { taskId: '..' } }, 'unreadable_answer'],
  ])('%d %j leaves the outcome unknown', async (status, body, code) => {
    const { adapter } = await setup(always(status, body));
    await expect(adapter.submit(request)).rejects.toMatchObject({ name: 'OutcomeUnknown', code });
  });

  test('sends nothing for a model or an input that it does not know', async () => {
    const { server, adapter } = await setup(always(200, accepted));
    for (const odd of [{ model: 'nano' }, { model: 'constructor' }, { model: 'sora-2' }]) {
      await expect(adapter.submit({ ...request, ...odd })).rejects.toMatchObject({
        name: 'Terminal',
        code: 'invalid_input',
      });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('checking at APIXO', () => {
  async function check(body: unknown, status = 200) {
    return (await setup(always(status, body))).adapter.check({ id: ID }, about);
  }

  test('asks at the slug of the handle, or of the model for an adopted task', async () => {
    const { server, adapter } = await setup(always(200, told({ state: 'pending' })));
    await adapter.check({ id: 'task_1&a=b', handle: 'nano-banana-pro' }, about);
    await adapter.check({ id: ID }, { model: 'sora-2' });
    expect(server.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /api/v1/statusTask/nano-banana-pro?taskId=task_1%26a%3Db',
      `GET /api/v1/statusTask/sora-2?taskId=${ID}`,
    ]);
  });

  test.each(['pending', 'processing', 'something_new'])('%s is live', async (state) => {
    expect(await check(told({ state }))).toEqual({ kind: 'live', status: state });
  });

  test('a result is JSON inside JSON', async () => {
    expect(await check(finished([LINK, SECOND]))).toEqual({
      kind: 'final',
      outcome: {
        verdict: 'completed',
        results: [
          { kind: 'file', url: LINK },
          { kind: 'file', url: SECOND },
        ],
      },
    });
  });

  test.each([
    [told({ state: 'success' }), 'result_missing'],
    [told({ state: 'success', resultJson: '{"resultUrls":["https://x' }), 'result_missing'],
    [told({ state: 'success', resultJson: '{}' }), 'result_missing'],
    [told({ state: 'success', resultJson: 'null' }), 'result_missing'],
    [finished([]), 'result_missing'],
    [finished([7]), 'result_missing'],
    [finished(['/relative.png']), 'result_missing'],
    [finished(['data:image/png;base64,AAAA']), 'result_inline'],
  ])('success with %j is a failure, %s', async (body, code) => {
    expect(await check(body)).toMatchObject({ outcome: { verdict: 'failed', reason: { code } } });
  });

  test.each([
    ['CONTENT_VIOLATION', 'content_policy'],
    ['NSFW_DETECTED', 'content_policy'],
    ['SensitiveContent', 'content_policy'],
    ['SensitiveContentDetected', 'content_policy'],
    ['InputImageSensitiveContentDetected', 'content_policy'],
    ['InputOutputSensitiveContentDetected', 'content_policy'],
    ['NSFW', 'content_policy'],
    ['ProhibitedContentDetected', 'content_policy'],
    ['PROMPT_TOO_LONG', 'invalid_input'],
    ['INVALID_PROMPT', 'invalid_input'],
    ['PromptLengthExceeded', 'invalid_input'],
    ['INVALID_IMAGE_URL', 'image_unreadable'],
    ['IMAGE_TOO_LARGE', 'image_unreadable'],
    ['UNSUPPORTED_FORMAT', 'image_unreadable'],
    ['IMAGE_DOWNLOAD_FAILED', 'image_unreadable'],
    ['PROCESSING_TIMEOUT', 'provider_timed_out'],
    ['MODEL_UNAVAILABLE', 'provider_error'],
    ['GENERATION_FAILED', 'provider_error'],
    ['INSUFFICIENT_CREDITS', 'out_of_credit'],
    ['constructor', 'provider_failed'],
  ])('a task that failed with %s, under 200, failed for %s', async (failCode, code) => {
    expect(await check(told({ state: 'failed', failCode, failMsg: 'why' }))).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'failed', reason: { code, message: expect.stringContaining('why') } },
    });
  });

  test('a failure without a code is judged by its message', async () => {
    expect(await check(told({ state: 'failed', failMsg: 'flagged as NSFW' }))).toMatchObject({
      outcome: { reason: { code: 'content_policy' } },
    });
    expect(await check(told({ state: 'failed' }))).toMatchObject({
      outcome: { reason: { code: 'provider_failed' } },
    });
  });

  test('404 is a missing task, by the status or by the envelope', async () => {
    const body = { code: 404, message: 'no such task', data: null };
    expect(await check(body, 404)).toEqual({ kind: 'missing' });
    expect(await check(body)).toEqual({ kind: 'missing' });
  });

  test.each([
    [401, { code: 401, message: 'x', data: null }, 'unauthorized'],
    [402, { code: 402, message: 'x', data: null }, 'out_of_credit'],
    [429, { code: 429, message: 'x', data: null }, 'rate_limited'],
    [400, { code: 400, message: 'x', data: null }, 'unavailable'],
    [502, '<html>', 'unavailable'],
    [200, '<html>', 'unavailable'],
    [200, '{"code":200,', 'unavailable'],
    [200, { code: 200, message: 'success', data: null }, 'unavailable'],
    [200, { code: 500, message: 'x', data: null }, 'unavailable'],
  ])('%d %j is asked again, %s', async (status, body, code) => {
    await expect(check(body, status)).rejects.toMatchObject({ name: 'Retryable', code });
  });
});

describe('a webhook of APIXO', () => {
  async function webhook(trust?: 'hint' | 'token') {
    const { adapter } = await setup(always(200, {}), { trust });
    if (!adapter.webhook) throw new Error('APIXO has webhooks');
    return adapter.webhook;
  }
  const body = (value: unknown) => Buffer.from(JSON.stringify(value));

  test('is a hint unless the settings trust the token', async () => {
    expect(await webhook()).toMatchObject({ scope: 'request', trust: 'hint' });
    expect((await webhook('token')).trust).toBe('token');
  });

  test('reads as the status does', async () => {
    const { read } = await webhook();
    expect(read(body(finished([LINK])))).toMatchObject({
      taskId: ID,
      observation: { kind: 'final', outcome: { verdict: 'completed', results: [{ url: LINK }] } },
    });
    const bad = told({ state: 'failed', failCode: 'NSFW', failMsg: 'x' });
    expect(read(body(bad)).observation).toMatchObject({
      outcome: { reason: { code: 'content_policy' } },
    });
  });

  test('that is believed does not fail a result whose link it lacks', async () => {
    const { read } = await webhook('token');
    expect(read(body(told({ state: 'success' }))).observation.kind).toBe('live');
  });

  test('that is malformed says so', async () => {
    const { read } = await webhook();
    const odd = [{}, null, [], 'x', { data: null }, { data: { taskId: ID } }];
    for (const one of [
      ...odd,
      { data: { state: 'success' } },
      { data: { taskId: '..', state: 'x' } },
    ]) {
      expect(() => read(body(one))).toThrow(expect.objectContaining({ code: 'malformed_webhook' }));
    }
  });
});

test.each([
  [{ code: 200, message: 'success', data: { balance: 12.5 } }, { credits: 12.5 }],
  [{ code: 200, message: 'success', data: { currentBalance: '7' } }, { credits: 7 }],
  [{ code: 200, message: 'success', data: 3 }, { credits: 3 }],
  [{ balance: 0 }, { credits: 0 }],
  [{ code: 200, message: 'success', data: { other: 1 } }, {}],
  [{ code: 200, message: 'success', data: { balance: 'lots' } }, {}],
])('the balance is found in %j', async (body, account) => {
  const { server, adapter } = await setup(always(200, body));
  expect(await adapter.account?.()).toEqual(account);
  expect(server.received[0]?.url).toBe('/api/v1/apikeys/current-balance');
});

test('a balance that cannot be read is tried again', async () => {
  for (const [status, body] of [
    [401, {}],
    [200, '<html>'],
    [200, { code: 503, message: 'x' }],
  ] as const) {
    const { adapter } = await setup(always(status, body));
    await expect(adapter.account?.()).rejects.toMatchObject({ name: 'Retryable' });
  }
});

test('the input of APIXO takes what each model can use, and nothing else', async () => {
  const { adapter } = await setup(always(200, {}));
  const { 'nano-banana': tryOn, 'gpt-image-1': image, 'sora-2': video } = adapter.models;
  expect(tryOn?.input.safeParse({ ...input, prompt: 'x', aspectRatio: '1:1' }).success).toBe(true);
  for (const odd of [
    { garmentImages: [] },
    { garmentImages: Array(5).fill(GARMENT) },
    { personImage: 'someone' },
    { prompt: ' ' },
    { aspectRatio: '5:1' },
    { image_urls: [PERSON] },
  ]) {
    expect(tryOn?.input.safeParse({ ...input, ...odd }).success).toBe(false);
  }
  for (const model of [image, video]) {
    expect(model?.input.safeParse({ prompt: 'a coat' }).success).toBe(true);
    expect(model?.input.safeParse({}).success).toBe(false);
    expect(model?.input.safeParse({ prompt: 'a coat', personImage: PERSON }).success).toBe(false);
  }
});
