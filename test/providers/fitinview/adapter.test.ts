import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { createHttpClient } from '../../../src/outbound/http-client.ts';
import { createFitInView } from '../../../src/providers/fitinview/adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const RESULT = 'https://store.example.com/result.png?sig=abc';
const request = {
  model: 'tryon',
  input: { personImage: PERSON, garmentImages: [GARMENT, GARMENT], outputSize: '2K', seed: 7 },
  idempotencyKey: 'gen_1-1',
  webhookUrl: 'https://catwalk.example.com/webhooks/fitinview/gen_1/token',
};

async function setup(
  reply: Parameters<typeof loopbackServer>[0],
  more: Partial<ProviderOptions> = {},
) {
  const server = await loopbackServer(reply);
  const http = createHttpClient({ timeoutMs: 2_000, maxBodyBytes: 10_000 });
  const shared = await sharedParts(http);
  closers.push(server.close, shared.close);
  const adapter = createFitInView({
    apiKey: 'fiv_test_key',
    baseUrl: `${server.url}/`,
    webhookSecrets: ['whsec_one'],
    ...shared,
    ...more,
  });
  return { server, adapter };
}

describe('submitting to FitInView', () => {
  test('sends its own field names, the idempotency key, and never waits', async () => {
    const { server, adapter } = await setup(always(200, { id: 'job_1', status: 'queued' }));
    expect(await adapter.submit(request)).toEqual({ task: { id: 'job_1' } });
    const [sent] = server.received;
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/api/v1/tryon',
      headers: { authorization: 'Bearer fiv_test_key', 'idempotency-key': 'gen_1-1' },
    });
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      person_url: PERSON,
      garment_urls: [GARMENT, GARMENT],
      output_size: '2K',
      seed: 7,
      webhook_url: request.webhookUrl,
      wait: false,
    });
  });

  test.each([
    [{ job_id: 'job_2', status: 'running' }, 'job_2'],
    [{ id: 'job_1', job_id: 'job_2' }, 'job_1'],
    [{ id: 17, status: 'queued' }, '17'],
    [{ id: 'job_1', status: 'warming_up' }, 'job_1'],
    [{ id: 'job_1', status: 'completed' }, 'job_1'],
  ])('accepts %j as a task to wait for', async (body, id) => {
    const { adapter } = await setup(always(200, body));
    expect(await adapter.submit(request)).toEqual({ task: { id } });
  });

  test('takes an outcome that comes at once, even without an id', async () => {
    const done = { status: 'completed', result_url: RESULT };
    const outcome = { verdict: 'completed', results: [{ kind: 'file', url: RESULT }] };
    const named = await setup(always(200, { id: 'job_1', ...done }));
    expect(await named.adapter.submit(request)).toEqual({ task: { id: 'job_1' }, outcome });
    const nameless = await setup(always(200, done));
    expect(await nameless.adapter.submit(request)).toEqual({
      task: { id: 'inline-gen_1-1' },
      outcome,
    });
  });

  test('does not know the outcome when an accepted answer names no job', async () => {
    for (const body of [{ status: 'queued' }, {}, '<html>', { id: '..' }]) {
      const { adapter } = await setup(always(200, body));
      await expect(adapter.submit(request)).rejects.toMatchObject({ name: 'OutcomeUnknown' });
    }
  });

  test.each([
    [400, 'Terminal', 'invalid_input'],
    [422, 'Terminal', 'invalid_input'],
    [404, 'Terminal', 'provider_rejected'],
    [401, 'Retryable', 'unauthorized'],
    [403, 'Retryable', 'unauthorized'],
    [402, 'Retryable', 'out_of_credit'],
    [429, 'Retryable', 'rate_limited'],
    [409, 'OutcomeUnknown', 'no_answer'],
    [500, 'OutcomeUnknown', 'no_answer'],
  ])('turns %d into %s %s', async (status, name, code) => {
    const { adapter } = await setup(always(status, { detail: 'why' }));
    await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
  });

  test('passes the provider’s sentence on without links and keys', async () => {
    const detail = `Cannot load ${RESULT} for fiv_live_0123456789abcdef0123456789`;
    const { adapter } = await setup(always(400, { error: { code: 'x', message: detail } }));
    await expect(adapter.submit(request)).rejects.toThrow(
      'The provider refused the input as invalid. It said: Cannot load (link) for (removed)',
    );
  });

  test('refuses a recorded input that its model no longer accepts, before it pays', async () => {
    const { server, adapter } = await setup(always(200, { id: 'job_1' }));
    const odd = { ...request, input: { personImage: PERSON, garmentImages: [] } };
    await expect(adapter.submit(odd)).rejects.toMatchObject({ code: 'invalid_input' });
    expect(server.received).toHaveLength(0);
  });
});

describe('checking at FitInView', () => {
  test.each([
    [{ status: 'queued' }, { kind: 'live', status: 'queued' }],
    [{ status: 'Running' }, { kind: 'live', status: 'running' }],
    [{ status: 'paused_by_moon' }, { kind: 'live', status: 'paused_by_moon' }],
    [{}, { kind: 'live', status: 'unknown' }],
    [
      { status: 'completed', result_url: RESULT },
      {
        kind: 'final',
        outcome: { verdict: 'completed', results: [{ kind: 'file', url: RESULT }] },
      },
    ],
    [{ status: 'completed' }, { kind: 'final', outcome: { reason: { code: 'result_missing' } } }],
    [
      { status: 'completed', result_url: 'data:image/png;base64,AA' },
      { kind: 'final', outcome: { reason: { code: 'result_inline' } } },
    ],
    [
      { status: 'failed', error: 'no person found' },
      { kind: 'final', outcome: { verdict: 'failed', reason: { code: 'provider_failed' } } },
    ],
    [
      { status: 'failed', error: { code: 'x', message: 'Internal fault' } },
      { kind: 'final', outcome: { verdict: 'failed', reason: { code: 'provider_error' } } },
    ],
    [
      { status: 'failed', error: [1] },
      { kind: 'final', outcome: { verdict: 'failed' } },
    ],
  ])('reads %j', async (body, observation) => {
    const { adapter } = await setup(always(200, { id: 'job_1', ...body }));
    expect(await adapter.check({ id: 'job_1' }, { model: 'tryon' })).toMatchObject(observation);
  });

  test('asks at the path that the settings say, with the id encoded', async () => {
    const reply = always(200, { status: 'queued' });
    const usual = await setup(reply);
    await usual.adapter.check({ id: 'a/b?$&' }, { model: 'tryon' });
    expect(usual.server.received[0]).toMatchObject({
      method: 'GET',
      url: '/api/v1/jobs/a%2Fb%3F%24%26',
    });
    const other = await setup(reply, { taskPath: '/api/v1/tryon/{id}' });
    await other.adapter.check({ id: 'job_1' }, { model: 'tryon' });
    expect(other.server.received[0]?.url).toBe('/api/v1/tryon/job_1');
  });

  test('refuses a task path that is none, and names the variable', async () => {
    for (const taskPath of ['', '/api/v1/tryon', 'api/{id}', '//evil.example/{id}', '/a?b={id}']) {
      await expect(setup(always(200, {}), { taskPath })).rejects.toMatchObject({
        code: 'invalid_settings',
        message: expect.stringMatching(/^FITINVIEW_TASK_PATH: /),
      });
    }
  });

  test.each([
    [{ error: { code: 'content_moderation', message: 'No.' } }, 'content_policy'],
    [{ error: 'NSFW content' }, 'content_policy'],
    [{ error: { code: 'gpu', message: 'Internal error' } }, 'provider_error'],
    [{ error: { code: 'internal_error', message: 'Sorry' } }, 'provider_error'],
    [{ error: { code: 'x', message: 'Sorry' } }, 'provider_failed'],
  ])('reads the reason from code and sentence: %j', async (error, code) => {
    const { adapter } = await setup(always(200, { id: 'job_1', status: 'failed', ...error }));
    expect(await adapter.check({ id: 'job_1' }, { model: 'tryon' })).toMatchObject({
      outcome: { verdict: 'failed', reason: { code } },
    });
  });

  test('finds a job missing on 404, and is tried again after anything else', async () => {
    const gone = await setup(always(404, { detail: 'no' }));
    expect(await gone.adapter.check({ id: 'job_1' }, { model: 'tryon' })).toEqual({
      kind: 'missing',
    });
    for (const [status, body] of [
      [401, {}],
      [429, {}],
      [500, {}],
      [502, '<html>'],
      [200, '<html>'],
    ] as const) {
      const { adapter } = await setup(always(status, body));
      await expect(adapter.check({ id: 'job_1' }, { model: 'tryon' })).rejects.toMatchObject({
        name: 'Retryable',
      });
    }
  });
});

describe('a webhook of FitInView', () => {
  const secrets = ['whsec_one', 'whsec_two'];
  const deliver = (body: Buffer, signature: string | string[] | undefined) => ({
    headers: { 'x-fitinview-signature': signature },
    body,
  });

  test('is authentic when signed with either live secret', async () => {
    const { webhook } = (await setup(always(200, {}), { webhookSecrets: secrets })).adapter;
    // printf '%s' '{"id":"job_1","status":"completed"}' | openssl dgst -sha256 -hmac 'whsec_second'
    const known = 'ac8347051f03e1f8ce24fd0624fe2d9444077ab292ba14ad884190533e4406b9';
    const rotated = (
      await setup(always(200, {}), { webhookSecrets: ['whsec_new', 'whsec_second'] })
    ).adapter.webhook;
    const body = Buffer.from('{"id":"job_1","status":"completed"}');
    expect(rotated?.trust).toBe('signature');
    expect(rotated?.verify?.(deliver(body, known))).toBe(true);
    expect(webhook?.verify?.(deliver(body, known))).toBe(false);
    for (const secret of secrets) {
      const signature = createHmac('sha256', secret).update(body).digest('hex');
      expect(webhook?.verify?.(deliver(body, signature))).toBe(true);
      expect(webhook?.verify?.(deliver(body, [signature, signature]))).toBe(false);
    }
    expect(webhook?.verify?.(deliver(body, undefined))).toBe(false);
  });

  test('without its result is a sign of life, for the poll to look at', async () => {
    const { webhook } = (await setup(always(200, {}))).adapter;
    const read = (body: unknown) => webhook?.read(Buffer.from(JSON.stringify(body)));
    expect(read({ job_id: 'job_1', status: 'COMPLETED', result_url: RESULT })).toMatchObject({
      taskId: 'job_1',
      observation: { kind: 'final', outcome: { verdict: 'completed' } },
    });
    expect(read({ id: 'job_1', status: 'Completed' })).toEqual({
      taskId: 'job_1',
      observation: { kind: 'live', status: 'completed' },
    });
    expect(read({ id: 'job_1', status: 'failed' })).toMatchObject({
      observation: { kind: 'final', outcome: { verdict: 'failed' } },
    });
  });

  test('that is malformed says so', async () => {
    const { webhook } = (await setup(always(200, {}))).adapter;
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '{}',
      '{"id":"job_1"}',
      '{"status":"completed"}',
      '\xff',
    ]) {
      expect(() => webhook?.read(Buffer.from(body))).toThrow(
        expect.objectContaining({ code: 'malformed_webhook' }),
      );
    }
  });

  test('is not supported without a secret, and then no URL is sent', async () => {
    for (const webhookSecrets of [[], ['']]) {
      const { server, adapter } = await setup(always(200, { id: 'job_1' }), { webhookSecrets });
      expect(adapter.webhook).toBeUndefined();
      await adapter.submit(request);
      expect(server.received[0]?.body).not.toContain('webhook_url');
    }
  });
});

test('the input of FitInView takes one to three garments, and nothing it does not know', async () => {
  const { adapter } = await setup(always(200, {}));
  const accepts = (more: object) =>
    adapter.models['tryon']?.input.safeParse({
      personImage: PERSON,
      garmentImages: [GARMENT],
      ...more,
    }).success;
  expect(accepts({})).toBe(true);
  expect(accepts({ garmentImages: [GARMENT, GARMENT, GARMENT], outputSize: '4K', seed: 1 })).toBe(
    true,
  );
  for (const odd of [
    { garmentImages: [] },
    { garmentImages: Array(4).fill(GARMENT) },
    { garmentImages: GARMENT },
    { personImage: 'data:image/png;base64,AA' },
    { outputSize: '8K' },
    { seed: 1.5 },
    { wait: true },
  ]) {
    expect(accepts(odd)).toBe(false);
  }
});
