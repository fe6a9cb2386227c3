import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createReplicate,
  type ReplicateOptions,
} from '../../../src/providers/replicate/adapter.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const ID = 'gm3qorzdhgbfurvjtvhg6dckhu';
const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const SECOND = 'https://img.example.com/second.jpg';
const LINK = 'https://replicate.delivery/xezq/one.png';
const input = { personImage: PERSON, garmentImages: [GARMENT] };
const request = { model: 'google/nano-banana', input, idempotencyKey: 'gen_1-1' };
const starting = { id: ID, status: 'starting', output: null, error: null };

async function setup(
  reply: Parameters<typeof loopbackServer>[0],
  more: Partial<ReplicateOptions> = {},
) {
  const server = await loopbackServer(reply);
  const shared = await sharedParts();
  closers.push(server.close, shared.close);
  const adapter = createReplicate({
    apiKey: 'r8_key',
    baseUrl: server.url,
    webhookSecrets: [`whsec_${Buffer.from('first').toString('base64')}`],
    ...shared,
    ...more,
  });
  return { server, adapter };
}

describe('submitting to Replicate', () => {
  test('names an official model, and the end as the only event worth a call', async () => {
    const { server, adapter } = await setup(always(201, starting));
    const webhookUrl = 'https://catwalk.example.com/webhooks/replicate/gen_1/to-ken';
    const full = {
      personImage: PERSON,
      garmentImages: [GARMENT, SECOND],
      prompt: 'roll up the sleeves',
      outputFormat: 'png',
    };
    expect(await adapter.submit({ ...request, input: full, webhookUrl })).toEqual({
      task: { id: ID },
    });
    const [sent] = server.received;
    expect(sent).toMatchObject({ method: 'POST', url: '/v1/predictions' });
    expect(sent?.headers).toMatchObject({
      authorization: 'Bearer r8_key',
      'content-type': 'application/json',
    });
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      version: 'google/nano-banana',
      input: {
        prompt: 'roll up the sleeves',
        image_input: [PERSON, GARMENT, SECOND],
        output_format: 'png',
      },
      webhook: webhookUrl,
      webhook_events_filter: ['completed'],
    });
  });

  test('says what to do with the pictures when the app does not, and names no webhook', async () => {
    const { server, adapter } = await setup(always(201, starting));
    await adapter.submit(request);
    const sent = JSON.parse(server.received[0]?.body ?? '');
    expect(Object.keys(sent)).toEqual(['version', 'input']);
    expect(sent.input).toEqual({
      prompt: expect.stringMatching(/dress the person/i),
      image_input: [PERSON, GARMENT],
    });
  });

  test('asks for no webhook that it could not verify', async () => {
    const { server, adapter } = await setup(always(201, starting), { webhookSecrets: [''] });
    await adapter.submit({ ...request, webhookUrl: 'https://catwalk.example.com/w' });
    expect(adapter.webhook).toBeUndefined();
    expect(JSON.parse(server.received[0]?.body ?? '')).not.toHaveProperty('webhook');
  });

  test('names the version of a community model, and its own words', async () => {
    const { server, adapter } = await setup(always(201, starting));
    const options = {
      garmentDescription: 'cute pink top',
      category: 'tops',
      crop: true,
      steps: 30,
      seed: 42,
    };
    const model = 'cuuupid/idm-vton';
    await adapter.submit({ ...request, model, input: { ...input, ...options } });
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      version: expect.stringMatching(/^cuuupid\/idm-vton:[0-9a-f]{64}$/),
      input: {
        human_img: PERSON,
        garm_img: GARMENT,
        garment_des: 'cute pink top',
        category: 'upper_body',
        crop: true,
        steps: 30,
        seed: 42,
      },
    });
  });

  test.each([200, 201, 202])(
    '%d is accepted, with the outcome when it is there',
    async (status) => {
      const done = { ...starting, status: 'succeeded', output: LINK };
      const { adapter } = await setup(always(status, done));
      expect(await adapter.submit(request)).toEqual({
        task: { id: ID },
        outcome: { verdict: 'completed', results: [{ kind: 'file', url: LINK }] },
      });
      const bare = await setup(always(status, { ...starting, status: 'succeeded' }));
      expect(await bare.adapter.submit(request)).toEqual({ task: { id: ID } });
    },
  );

  test.each([
    [400, { detail: 'bad' }, 'Terminal', 'invalid_input'],
    [401, { title: 'Unauthenticated', detail: 'x', status: 401 }, 'Retryable', 'unauthorized'],
    [402, { title: 'Payment required', detail: 'x', status: 402 }, 'Retryable', 'out_of_credit'],
    [404, { detail: 'no such model' }, 'Terminal', 'provider_rejected'],
    [422, { title: 'Input validation failed', detail: 'x' }, 'Terminal', 'invalid_input'],
    [429, { detail: 'Request was throttled.' }, 'Retryable', 'rate_limited'],
    [500, { detail: 'x' }, 'OutcomeUnknown', 'no_answer'],
    [502, '<html>', 'OutcomeUnknown', 'no_answer'],
    [201, '<html>', 'OutcomeUnknown', 'unreadable_answer'],
    [201, '{"id":', 'OutcomeUnknown', 'unreadable_answer'],
    [201, { status: 'starting' }, 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await setup(always(status, body));
    await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
  });

  test.each([
    ['Request was throttled. Expected available in 1 second.', 1_000],
    ['Request was throttled. Expected available in 2.5 seconds.', 2_500],
    ['Your rate limit resets in ~30s.', 30_000],
    ['Try again in 2 minutes', 120_000],
    ['Try again in 250 ms', 250],
    ['At most 600 requests are allowed.', undefined],
  ])('429 "%s" waits %s ms', async (detail, retryAfterMs) => {
    const { adapter } = await setup(always(429, { detail }));
    await expect(adapter.submit(request)).rejects.toMatchObject({ retryAfterMs });
  });

  test('sends nothing for a model or an input that it does not know', async () => {
    const { server, adapter } = await setup(always(201, starting));
    for (const odd of [{ model: 'a/b' }, { model: 'constructor' }, { input: {} }]) {
      await expect(adapter.submit({ ...request, ...odd })).rejects.toMatchObject({
        name: 'Terminal',
        code: 'invalid_input',
      });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('checking at Replicate', () => {
  async function check(body: unknown, status = 200) {
    const { adapter } = await setup(always(status, body));
    return adapter.check({ id: ID }, { model: 'google/nano-banana' });
  }
  const succeeded = (output: unknown, more = {}) => ({
    ...starting,
    status: 'succeeded',
    output,
    ...more,
  });

  test('asks for the id', async () => {
    const { server, adapter } = await setup(always(200, starting));
    await adapter.check({ id: 'a/b' }, { model: 'x' });
    expect(server.received[0]).toMatchObject({ method: 'GET', url: '/v1/predictions/a%2Fb' });
  });

  test.each(['starting', 'processing', 'something_new'])('%s is live', async (status) => {
    expect(await check({ ...starting, status })).toEqual({ kind: 'live', status });
  });

  test.each([
    ['a link', LINK, [LINK]],
    ['a list of links', [LINK, SECOND], [LINK, SECOND]],
    ['an object of links and more', { image: LINK, mask: SECOND, seed: 7 }, [LINK, SECOND]],
  ])('%s is a file each', async (_what, output, urls) => {
    expect(await check(succeeded(output))).toEqual({
      kind: 'final',
      outcome: { verdict: 'completed', results: urls.map((url) => ({ kind: 'file', url })) },
    });
  });

  test.each([
    ['null', succeeded(null), 'result_missing'],
    ['no output', { id: ID, status: 'succeeded' }, 'result_missing'],
    ['removed data', succeeded(LINK, { data_removed: true }), 'result_missing'],
    ['an empty list', succeeded([]), 'result_missing'],
    ['a data: URI', succeeded('data:image/png;base64,AAAA'), 'result_inline'],
    ['text', succeeded('a caption'), 'result_missing'],
    ['data', succeeded({ score: 0.9 }), 'result_missing'],
    ['a number', succeeded(7), 'result_missing'],
  ])('succeeded with %s is a failure', async (_what, body, code) => {
    expect(await check(body)).toMatchObject({ outcome: { verdict: 'failed', reason: { code } } });
  });

  test.each([
    ['failed', 'NSFW content detected. Try another prompt.', 'content_policy'],
    ['failed', 'The input was flagged by the safety checker', 'content_policy'],
    ['failed', 'CUDA out of memory. Tried to allocate 2 GiB', 'provider_error'],
    ['failed', 'Prediction interrupted; please retry (code: PA)', 'provider_error'],
    ['failed', 'Prediction timed out', 'provider_timed_out'],
    ['failed', 'list index out of range', 'provider_failed'],
    ['failed', null, 'provider_failed'],
    ['canceled', null, 'provider_canceled'],
    ['aborted', null, 'provider_timed_out'],
  ])('%s with %j failed for %s', async (status, error, code) => {
    expect(await check({ ...starting, status, error })).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'failed', reason: { code } },
    });
  });

  test('404 is a missing task, anything else without an answer is asked again', async () => {
    expect(await check({ detail: 'x' }, 404)).toEqual({ kind: 'missing' });
    const again = [
      [401, {}, 'unauthorized'],
      [402, {}, 'out_of_credit'],
      [429, {}, 'rate_limited'],
      [500, {}, 'unavailable'],
      [502, '<html>', 'unavailable'],
      [200, '<html>', 'unavailable'],
      [200, '{"id":"', 'unavailable'],
      [200, { id: ID }, 'unavailable'],
    ] as const;
    for (const [status, body, code] of again) {
      await expect(check(body, status)).rejects.toMatchObject({ name: 'Retryable', code });
    }
  });
});

describe('canceling at Replicate', () => {
  test('is a POST, and harmless when the prediction has ended', async () => {
    const { server, adapter } = await setup(always(200, { ...starting, status: 'canceled' }));
    await adapter.cancel?.({ id: ID });
    expect(server.received[0]).toMatchObject({
      method: 'POST',
      url: `/v1/predictions/${ID}/cancel`,
      body: '',
    });
    for (const status of [400, 404, 409, 422]) {
      const late = await setup(always(status, { detail: 'too late' }));
      await expect(late.adapter.cancel?.({ id: ID })).resolves.toBeUndefined();
    }
  });

  test.each([401, 429, 500])('that is answered %d is tried again', async (status) => {
    const { adapter } = await setup(always(status, {}));
    await expect(adapter.cancel?.({ id: ID })).rejects.toMatchObject({ name: 'Retryable' });
  });
});

describe('a webhook of Replicate', () => {
  const AT = 1_790_000_000_000;
  const FIRST = Buffer.from('the first live key, 32 bytes long');
  const SECOND_KEY = Buffer.from('the second live key, 32 bytes lon');
  const body = Buffer.from(JSON.stringify({ ...starting, status: 'succeeded', output: LINK }));

  /** By hand from the Standard Webhooks specification: base64 HMAC-SHA256 of `id.timestamp.body`. */
  function signed(key: Buffer, at: number, content = body) {
    const timestamp = String(Math.floor(at / 1_000));
    const digest = createHmac('sha256', key).update(`msg_1.${timestamp}.`).update(content);
    return {
      'webhook-id': 'msg_1',
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${digest.digest('base64')}`,
    };
  }

  async function webhook() {
    const webhookSecrets = [FIRST, SECOND_KEY].map((key) => `whsec_${key.toString('base64')}`);
    const { adapter } = await setup(always(200, {}), { webhookSecrets, now: () => AT });
    if (!adapter.webhook) throw new Error('Replicate has webhooks');
    return adapter.webhook;
  }

  test('is believed under either live secret, within five minutes', async () => {
    const { verify, trust, scope } = await webhook();
    expect({ trust, scope }).toEqual({ trust: 'signature', scope: 'request' });
    for (const key of [FIRST, SECOND_KEY]) {
      for (const off of [0, -299_000, 299_000]) {
        expect(await verify?.({ headers: signed(key, AT + off), body })).toBe(true);
      }
    }
  });

  test('is not believed when it is old, from the future, altered, unsigned or forged', async () => {
    const { verify } = await webhook();
    const { 'webhook-timestamp': _time, ...timeless } = signed(FIRST, AT);
    const literal = Buffer.from(`whsec_${FIRST.toString('base64')}`);
    const forgeries = [
      {},
      timeless,
      signed(FIRST, AT - 301_000),
      signed(FIRST, AT + 301_000),
      signed(FIRST, AT, Buffer.from('{}')),
      signed(Buffer.from('a stranger'), AT),
      // The key is what the base64 says, not the text of the secret.
      signed(literal, AT),
      { ...signed(FIRST, AT), 'webhook-signature': 'v1,short' },
    ];
    for (const headers of forgeries) expect(await verify?.({ headers, body })).toBe(false);
  });

  test('reads as the status does, live events too', async () => {
    const { read } = await webhook();
    expect(read(body)).toEqual({
      taskId: ID,
      observation: {
        kind: 'final',
        outcome: { verdict: 'completed', results: [{ kind: 'file', url: LINK }] },
      },
    });
    for (const status of ['starting', 'processing']) {
      const event = Buffer.from(JSON.stringify({ ...starting, status, output: [LINK] }));
      expect(read(event)).toEqual({ taskId: ID, observation: { kind: 'live', status } });
    }
  });

  test('does not fail a result whose output it lacks', async () => {
    const { read } = await webhook();
    const bare = Buffer.from(JSON.stringify({ ...starting, status: 'succeeded' }));
    expect(read(bare).observation).toEqual({ kind: 'live', status: 'succeeded' });
  });

  test('that is malformed says so', async () => {
    const { read } = await webhook();
    for (const odd of [{}, null, [], { id: ID }, { status: 'x' }, { id: '..', status: 'x' }]) {
      const bytes = Buffer.from(JSON.stringify(odd));
      expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'malformed_webhook' }));
    }
  });
});

test('the input of Replicate takes what each model can use, and nothing else', async () => {
  const { adapter } = await setup(always(200, {}));
  const { 'google/nano-banana': nano, 'cuuupid/idm-vton': idm } = adapter.models;
  const two = { garmentImages: [GARMENT, SECOND] };
  expect(nano?.input.safeParse({ ...input, ...two }).success).toBe(true);
  expect(idm?.input.safeParse(input).success).toBe(true);
  for (const odd of [two, { garmentImages: [] }, { steps: 41 }, { human_img: PERSON }]) {
    expect(idm?.input.safeParse({ ...input, ...odd }).success).toBe(false);
  }
  for (const odd of [{ garmentImages: [] }, { prompt: ' ' }, { seed: 1 }]) {
    expect(nano?.input.safeParse({ ...input, ...odd }).success).toBe(false);
  }
});
