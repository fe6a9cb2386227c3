import { afterEach, describe, expect, test } from 'vitest';
import { createHttpClient } from '../../../src/outbound/http-client.ts';
import { createFashn } from '../../../src/providers/fashn/adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const ID = '123a87r9-4129-4bb3-be18-9c9fb5bd7fc1-u1';
const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const OUTPUT = [
  'https://cdn.staging.example.com/one.png',
  'https://cdn.staging.example.com/two.png',
];
const input = { personImage: PERSON, garmentImages: [GARMENT] };
const request = { model: 'tryon-v1.6', input, idempotencyKey: 'gen_1-1' };

async function setup(
  reply: Parameters<typeof loopbackServer>[0],
  more: Partial<ProviderOptions> = {},
) {
  const server = await loopbackServer(reply);
  const http = createHttpClient({ timeoutMs: 2_000, maxBodyBytes: 10_000 });
  const shared = await sharedParts(http);
  closers.push(server.close, shared.close);
  const adapter = createFashn({
    apiKey: 'fa-key',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
    ...more,
  });
  return { server, adapter };
}

describe('submitting to FASHN', () => {
  test('sends the callback URL percent-encoded in the query, and no idempotency header', async () => {
    const { server, adapter } = await setup(always(200, { id: ID, error: null }));
    const webhookUrl = 'https://catwalk.example.com/webhooks/fashn/gen_1/to-ken?a=b&c=d#e';
    expect(await adapter.submit({ ...request, webhookUrl })).toEqual({ task: { id: ID } });
    const [sent] = server.received;
    expect(sent?.headers).toMatchObject({ authorization: 'Bearer fa-key' });
    expect(sent?.headers).not.toHaveProperty('idempotency-key');
    const url = new URL(sent?.url ?? '', server.url);
    expect(url.pathname).toBe('/v1/run');
    expect([...url.searchParams]).toEqual([['webhook_url', webhookUrl]]);
  });

  test('says every option of tryon-v1.6 in its words', async () => {
    const { server, adapter } = await setup(always(200, { id: ID, error: null }));
    const options = {
      category: 'one-pieces',
      mode: 'quality',
      garmentPhotoType: 'flat-lay',
      moderationLevel: 'permissive',
      segmentationFree: false,
      seed: 3,
      numSamples: 4,
      outputFormat: 'jpeg',
    };
    await adapter.submit({ ...request, input: { ...input, ...options } });
    await adapter.submit(request);
    const [full, bare] = server.received.map(({ body }) => JSON.parse(body));
    expect(server.received[1]?.url).toBe('/v1/run');
    expect(full).toEqual({
      model_name: 'tryon-v1.6',
      inputs: {
        model_image: PERSON,
        garment_image: GARMENT,
        category: 'one-pieces',
        mode: 'quality',
        garment_photo_type: 'flat-lay',
        moderation_level: 'permissive',
        segmentation_free: false,
        seed: 3,
        num_samples: 4,
        output_format: 'jpeg',
      },
    });
    expect(bare.inputs).toEqual({ model_image: PERSON, garment_image: GARMENT });
  });

  test('calls the garment a product for tryon-max', async () => {
    const { server, adapter } = await setup(always(200, { id: ID, error: null }));
    const options = { prompt: 'roll up sleeves', seed: 1, outputFormat: 'png' };
    await adapter.submit({ ...request, model: 'tryon-max', input: { ...input, ...options } });
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      model_name: 'tryon-max',
      inputs: {
        model_image: PERSON,
        product_image: GARMENT,
        prompt: 'roll up sleeves',
        seed: 1,
        output_format: 'png',
      },
    });
  });

  test('tells the three meanings of 429 apart by the body', async () => {
    const meanings = [
      [{ error: 'RateLimitExceeded', message: 'x' }, 'rate_limited'],
      [{ error: 'ConcurrencyLimitExceeded', message: 'x' }, 'concurrency_limited'],
      [{ error: 'OutOfCredits', message: 'x' }, 'out_of_credit'],
      [{ error: 'constructor' }, 'rate_limited'],
      ['<html>', 'rate_limited'],
    ] as const;
    for (const [body, code] of meanings) {
      const { adapter } = await setup(always(429, body, { 'retry-after': '3' }));
      const expected = { name: 'Retryable', code, retryAfterMs: 3_000 };
      await expect(adapter.submit(request)).rejects.toMatchObject(expected);
    }
  });

  test.each([
    [400, { error: 'BadRequest', message: 'bad' }, 'Terminal', 'invalid_input'],
    [401, { error: 'UnauthorizedAccess', message: 'x' }, 'Retryable', 'unauthorized'],
    [404, { error: 'NotFound', message: 'x' }, 'Terminal', 'provider_rejected'],
    // It says that it made no prediction; a page, or a body with an id, does not.
    [500, { error: 'InternalServerError', message: 'x' }, 'Retryable', 'unavailable'],
    [503, { error: 'x' }, 'Retryable', 'unavailable'],
    [500, { id: ID, error: 'InternalServerError' }, 'OutcomeUnknown', 'no_answer'],
    [500, { error: null, message: 'x' }, 'OutcomeUnknown', 'no_answer'],
    [500, '{"error":"Inter', 'OutcomeUnknown', 'no_answer'],
    [502, '<html>', 'OutcomeUnknown', 'no_answer'],
    [200, { error: 'x' }, 'OutcomeUnknown', 'unreadable_answer'],
    [200, '{"id":', 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await setup(always(status, body));
    await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
  });

  test('sends nothing for a model that it does not know', async () => {
    const { server, adapter } = await setup(always(200, { id: ID }));
    for (const model of ['tryon-v9', 'constructor']) {
      await expect(adapter.submit({ ...request, model })).rejects.toMatchObject({
        name: 'Terminal',
      });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('checking at FASHN', () => {
  async function check(body: unknown, status = 200) {
    return (await setup(always(status, body))).adapter.check({ id: ID }, { model: 'tryon' });
  }

  test('asks for the id as it was given', async () => {
    const { server, adapter } = await setup(always(200, { id: ID, status: 'in_queue' }));
    await adapter.check({ id: ID }, { model: 'tryon' });
    expect(server.received[0]).toMatchObject({ method: 'GET', url: `/v1/status/${ID}` });
  });

  test('takes every output as a result', async () => {
    const results = OUTPUT.map((url) => ({ kind: 'file', url }));
    expect(await check({ id: ID, status: 'completed', output: OUTPUT, error: null })).toEqual({
      kind: 'final',
      outcome: { verdict: 'completed', results },
    });
  });

  test.each(['starting', 'in_queue', 'processing', 'something_new'])(
    '%s is live',
    async (status) => {
      expect(await check({ id: ID, status, error: null })).toEqual({ kind: 'live', status });
    },
  );

  test.each([
    ['ImageLoadError', 'image_unreadable'],
    ['ContentModerationError', 'content_policy'],
    ['NSFWError', 'content_policy'],
    ['PoseError', 'pose_not_found'],
    ['InputValidationError', 'invalid_input'],
    ['LoRALoadError', 'invalid_input'],
    ['PhotoTypeError', 'invalid_input'],
    ['PipelineError', 'provider_error'],
    ['ThirdPartyError', 'upstream_refused'],
    ['3rdPartyProviderError', 'provider_error'],
    ['InternalServerError', 'provider_error'],
    ['PollingTimeout', 'provider_timed_out'],
    ['BrandNewError', 'provider_failed'],
    ['constructor', 'provider_failed'],
  ])('a prediction that failed with %s failed for %s', async (name, code) => {
    expect(
      await check({ id: ID, status: 'failed', error: { name, message: 'why' } }),
    ).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'failed', reason: { code, message: expect.stringContaining('why') } },
    });
  });

  test('a status longer than a word is cut before it is recorded', async () => {
    const observation = await check({ id: ID, status: 'x'.repeat(5_000) });
    expect(observation).toEqual({ kind: 'live', status: 'x'.repeat(64) });
  });

  test.each([
    ['canceled', 'provider_canceled'],
    ['time_out', 'provider_timed_out'],
    ['failed', 'provider_failed'],
  ])('%s without an error is a failure, %s', async (status, code) => {
    expect(await check({ id: ID, status })).toMatchObject({
      outcome: { verdict: 'failed', reason: { code } },
    });
  });

  test('a picture sent inline, or no usable link, is a failure and is not passed on', async () => {
    const outputs = [
      [['data:image/png;base64,AAAA'], 'result_inline'],
      [[OUTPUT[0], 'data:image/png;base64,AAAA'], 'result_inline'],
      [[], 'result_missing'],
      [['/relative.png'], 'result_missing'],
      [Array(33).fill(OUTPUT[0]), 'result_missing'],
      [[`https://cdn.example.com/${'a'.repeat(8_192)}`], 'result_missing'],
      [{ url: OUTPUT[0] }, 'result_missing'],
      [undefined, 'result_missing'],
    ] as const;
    for (const [output, code] of outputs) {
      expect(await check({ id: ID, status: 'completed', output })).toMatchObject({
        outcome: { verdict: 'failed', reason: { code } },
      });
    }
  });

  test('404 is a missing task, anything else without an answer is tried again', async () => {
    expect(await check({ error: 'NotFound', message: 'x' }, 404)).toEqual({ kind: 'missing' });
    await expect(check({ error: 'RateLimitExceeded' }, 429)).rejects.toMatchObject({
      name: 'Retryable',
      code: 'rate_limited',
    });
    await expect(check('<html>', 502)).rejects.toMatchObject({ name: 'Retryable' });
    await expect(check({ no: 'status' })).rejects.toMatchObject({ name: 'Retryable' });
    await expect(check({ error: 'UnauthorizedAccess' }, 401)).rejects.toMatchObject({
      name: 'Retryable',
      code: 'unauthorized',
    });
  });
});

describe('a webhook of FASHN', () => {
  async function webhook(trust?: 'hint' | 'token') {
    const { adapter } = await setup(always(200, {}), { trust });
    if (!adapter.webhook) throw new Error('FASHN has webhooks');
    return adapter.webhook;
  }
  const body = (value: unknown) => Buffer.from(JSON.stringify(value));

  test('is a hint unless the settings trust the token', async () => {
    expect((await webhook()).trust).toBe('hint');
    expect((await webhook('token')).trust).toBe('token');
  });

  test('reads as the status does', async () => {
    const { read } = await webhook();
    const done = { id: ID, status: 'completed', output: OUTPUT, error: null };
    expect(read(body(done))).toMatchObject({
      taskId: ID,
      observation: { kind: 'final', outcome: { verdict: 'completed' } },
    });
    const bad = { id: ID, status: 'failed', error: { name: 'PoseError', message: 'x' } };
    expect(read(body(bad))).toMatchObject({
      observation: { outcome: { reason: { code: 'pose_not_found' } } },
    });
  });

  test('that is believed does not fail a picture whose link it lacks', async () => {
    const { read } = await webhook('token');
    expect(read(body({ id: ID, status: 'completed' })).observation.kind).toBe('live');
  });

  test('that is malformed says so', async () => {
    const { read } = await webhook();
    for (const odd of [
      {},
      { id: ID },
      { status: 'completed' },
      null,
      [],
      { id: '../x y', status: 'a' },
    ]) {
      expect(() => read(body(odd))).toThrow(expect.objectContaining({ code: 'malformed_webhook' }));
    }
  });
});

test('the input of FASHN takes exactly one garment, and nothing it does not know', async () => {
  const { adapter } = await setup(always(200, {}));
  for (const model of Object.values(adapter.models)) {
    expect(model.input.safeParse(input).success).toBe(true);
    for (const odd of [
      { garmentImages: [GARMENT, GARMENT] },
      { garmentImages: [] },
      { return_base64: true },
      { returnBase64: true },
      { personImage: 'saved:someone' },
    ]) {
      expect(model.input.safeParse({ ...input, ...odd }).success).toBe(false);
    }
  }
  const v16 = adapter.models['tryon-v1.6']?.input;
  expect(v16?.safeParse({ ...input, numSamples: 5 }).success).toBe(false);
});
