import { afterEach, describe, expect, test } from 'vitest';
import { createFal } from '../../../src/providers/fal/adapter.ts';
import { always, loopbackServer, type Received } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const ID = '764cabcf-b745-4b3e-ae38-1200304cf45b';
const MODEL = 'fal-ai/fashn/tryon/v1.6';
const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const LINK = 'https://v3.fal.media/files/one.png';
const input = { personImage: PERSON, garmentImages: [GARMENT] };
const request = { model: MODEL, input, idempotencyKey: 'gen_1-1' };
const about = { model: MODEL };

/** A body, and its status and headers where they are not 200 and none. */
interface Told {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

/** fal as far as it is asked: what the queue answers to each path. */
async function setup(answers: { submit?: Told; status?: Told; result?: Told; cancel?: Told } = {}) {
  const kindOf = ({ method, url }: Received) => {
    if (method === 'PUT') return 'cancel';
    if (method === 'POST') return 'submit';
    return url.includes('/status') ? 'status' : 'result';
  };
  const server = await loopbackServer((received, ...raw) => {
    const { status = 200, headers = {}, body } = answers[kindOf(received)] ?? { body: {} };
    always(status, body, headers)(received, ...raw);
  });
  const shared = await sharedParts();
  closers.push(server.close, shared.close);
  const adapter = createFal({
    apiKey: 'id:secret',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
  });
  return { server, adapter };
}

function accepted(origin: string) {
  const requests = `${origin}/fal-ai/fashn/requests/${ID}`;
  return {
    request_id: ID,
    status: 'IN_QUEUE',
    queue_position: 0,
    status_url: `${requests}/status`,
    response_url: requests,
    cancel_url: `${requests}/cancel`,
  };
}

describe('submitting to fal', () => {
  test('sends the model’s input at the root and the callback URL in the query', async () => {
    const { server, adapter } = await setup({ submit: { body: accepted('http://x.example') } });
    const webhookUrl = 'https://catwalk.example.com/webhooks/fal/gen_1/to-ken?a=b&c=d#e';
    const options = {
      category: 'tops',
      mode: 'quality',
      garmentPhotoType: 'model',
      moderationLevel: 'none',
      segmentationFree: true,
      seed: 1,
      numSamples: 2,
      outputFormat: 'jpeg',
    };
    await adapter.submit({ ...request, input: { ...input, ...options }, webhookUrl });
    await adapter.submit(request);
    const [full, bare] = server.received;
    const url = new URL(full?.url ?? '', server.url);
    expect(url.pathname).toBe(`/${MODEL}`);
    expect([...url.searchParams]).toEqual([['fal_webhook', webhookUrl]]);
    expect(full?.headers).toMatchObject({ authorization: 'Key id:secret' });
    expect(full?.headers).not.toHaveProperty('idempotency-key');
    expect(JSON.parse(full?.body ?? '')).toEqual({
      model_image: PERSON,
      garment_image: GARMENT,
      category: 'tops',
      mode: 'quality',
      garment_photo_type: 'model',
      moderation_level: 'none',
      segmentation_free: true,
      seed: 1,
      num_samples: 2,
      output_format: 'jpeg',
    });
    expect(bare?.url).toBe(`/${MODEL}`);
    expect(JSON.parse(bare?.body ?? '')).toEqual({ model_image: PERSON, garment_image: GARMENT });
  });

  test('keeps the returned addresses that are fal’s own, and no others', async () => {
    const body = { ...accepted('https://queue.fal.run'), response_url: 'https://evil.example/r' };
    const { adapter } = await setup({ submit: { body } });
    const { task, outcome } = await adapter.submit(request);
    expect(outcome).toBeUndefined();
    expect(task.id).toBe(ID);
    expect(JSON.parse(task.handle ?? '')).toEqual({
      status: `https://queue.fal.run/fal-ai/fashn/requests/${ID}/status`,
      cancel: `https://queue.fal.run/fal-ai/fashn/requests/${ID}/cancel`,
    });
  });

  test.each([
    [400, { detail: 'bad' }, 'Terminal', 'invalid_input'],
    [401, { detail: 'Cannot access application' }, 'Retryable', 'unauthorized'],
    [403, { detail: 'User is locked. Reason: Admin lock.' }, 'Retryable', 'unauthorized'],
    [403, { detail: 'User is locked. Reason: Exhausted balance.' }, 'Retryable', 'out_of_credit'],
    [404, { detail: 'Application not found' }, 'Terminal', 'provider_rejected'],
    [422, { detail: [{ loc: ['body'], msg: 'x', type: 'missing' }] }, 'Terminal', 'invalid_input'],
    [429, { detail: 'slow down' }, 'Retryable', 'rate_limited'],
    [500, { detail: 'x', error_type: 'internal_error' }, 'OutcomeUnknown', 'no_answer'],
    [504, '<html>', 'OutcomeUnknown', 'no_answer'],
    [200, '{"request_id":', 'OutcomeUnknown', 'unreadable_answer'],
    [200, {}, 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await setup({ submit: { status, body } });
    await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
  });

  test('sends nothing for a model that it does not know', async () => {
    const { server, adapter } = await setup();
    for (const model of ['fal-ai/fashn', 'constructor']) {
      await expect(adapter.submit({ ...request, model })).rejects.toMatchObject({
        name: 'Terminal',
      });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('checking at fal', () => {
  const done: Told = { body: { status: 'COMPLETED' } };

  async function check(status: Told, result?: Told) {
    const { adapter } = await setup({ status, ...(result && { result }) });
    return adapter.check({ id: ID }, about);
  }

  test('follows the kept addresses, also under another path than the usual', async () => {
    const { server, adapter } = await setup({ status: done, result: { body: { images: [] } } });
    const handle = JSON.stringify({
      status: `${server.url}/other/status?x=1`,
      response: `${server.url}/other/result`,
    });
    await adapter.check({ id: ID, handle }, about);
    expect(server.received.map(({ url }) => url)).toEqual(['/other/status?x=1', '/other/result']);
    expect(server.received[1]?.headers).toMatchObject({ authorization: 'Key id:secret' });
  });

  test('without kept addresses asks the app, without the rest of the model’s path', async () => {
    const { server, adapter } = await setup({ status: done, result: { body: { images: [] } } });
    const handle = JSON.stringify({ status: 'https://evil.example/status' });
    for (const task of [{ id: ID }, { id: ID, handle }, { id: ID, handle: 'x' }]) {
      server.received.splice(0);
      await adapter.check(task, about);
      expect(server.received.map(({ url }) => url)).toEqual([
        `/fal-ai/fashn/requests/${ID}/status`,
        `/fal-ai/fashn/requests/${ID}`,
      ]);
    }
  });

  test.each([
    [202, 'IN_QUEUE'],
    [202, 'IN_PROGRESS'],
    [200, 'SOMETHING_NEW'],
  ])('%d %s is live', async (status, word) => {
    expect(await check({ status, body: { status: word } })).toEqual({
      kind: 'live',
      status: word.toLowerCase(),
    });
  });

  test('COMPLETED with an output is completed', async () => {
    const outcome = { verdict: 'completed', results: [{ kind: 'file', url: LINK }] };
    for (const body of [{ images: [{ url: LINK, width: 1 }] }, { image: { url: LINK } }]) {
      expect(await check(done, { body })).toEqual({ kind: 'final', outcome });
    }
  });

  test('COMPLETED while the result is still pending is live', async () => {
    expect(await check(done, { status: 202, body: { status: 'IN_PROGRESS' } })).toEqual({
      kind: 'live',
      status: 'completed',
    });
  });

  test.each([
    [422, { detail: [{ type: 'content_policy_violation', msg: 'why' }] }, 'content_policy'],
    [422, { detail: [{ type: 'file_download_error', msg: 'why' }] }, 'image_unreadable'],
    [422, { detail: [{ type: 'image_too_large', msg: 'why' }] }, 'invalid_input'],
    [422, { detail: [{ type: 'brand_new', msg: 'why' }] }, 'invalid_input'],
    [422, { detail: 'why' }, 'invalid_input'],
    [400, { detail: 'why' }, 'provider_failed'],
    [403, { detail: [{ type: 'content_policy_violation', msg: 'why' }] }, 'content_policy'],
    [500, { detail: [{ type: 'internal_server_error', msg: 'why' }] }, 'provider_error'],
    [500, { detail: 'why' }, 'provider_error'],
    [504, { detail: [{ type: 'generation_timeout', msg: 'why' }] }, 'provider_timed_out'],
    [504, { detail: 'why', error_type: 'startup_timeout' }, 'provider_timed_out'],
    [503, { detail: 'why', error_type: 'runner_disconnected' }, 'provider_error'],
    [499, { detail: 'why', error_type: 'client_cancelled' }, 'provider_canceled'],
    [500, { detail: [{ type: 'constructor', msg: 'why' }] }, 'provider_error'],
  ])('COMPLETED with a result of %d %j is a failure, %s', async (status, body, code) => {
    expect(await check(done, { status, body })).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'failed', reason: { code, message: expect.stringContaining('why') } },
    });
  });

  test('an error type in the header counts as one in the body', async () => {
    const headers = { 'x-fal-error-type': 'request_timeout' };
    expect(await check(done, { status: 504, headers, body: { detail: 'x' } })).toMatchObject({
      outcome: { reason: { code: 'provider_timed_out' } },
    });
  });

  test('a result that cannot be had just now is asked for again', async () => {
    const passing: [number, unknown, string][] = [
      [401, { detail: 'x' }, 'unauthorized'],
      [429, { detail: [{ type: 'x', msg: 'x' }] }, 'rate_limited'],
      [502, '<html>', 'unavailable'],
      [503, { detail: 'x' }, 'unavailable'],
      [500, '<html>', 'unavailable'],
      [400, { detail: 'Request is still in progress' }, 'unavailable'],
      [200, '{"images":', 'unavailable'],
    ];
    for (const [status, body, code] of passing) {
      const expected = { name: 'Retryable', code };
      await expect(check(done, { status, body })).rejects.toMatchObject(expected);
    }
  });

  test('an output without a usable link is a failure', async () => {
    for (const body of [{}, { images: [] }, { images: [{ url: '/relative' }] }, { images: 'x' }]) {
      expect(await check(done, { body })).toMatchObject({
        outcome: { verdict: 'failed', reason: { code: 'result_missing' } },
      });
    }
  });

  test('404 is a missing task, anything else without an answer is tried again', async () => {
    const body = { detail: 'Request not found' };
    expect(await check({ status: 404, body })).toEqual({ kind: 'missing' });
    expect(await check(done, { status: 404, body })).toEqual({ kind: 'missing' });
    for (const status of [400, 401, 429, 500, 503]) {
      await expect(check({ status, body })).rejects.toMatchObject({ name: 'Retryable' });
    }
    await expect(check({ body: '<html>' })).rejects.toMatchObject({ name: 'Retryable' });
    await expect(check({ body: {} })).rejects.toMatchObject({ name: 'Retryable' });
  });
});

describe('canceling at fal', () => {
  const at = (url: string) => ({ id: ID, handle: JSON.stringify({ cancel: `${url}/cancel` }) });

  test('is a PUT to the kept address', async () => {
    const { server, adapter } = await setup({ cancel: { status: 202, body: {} } });
    await adapter.cancel?.(at(server.url));
    const [sent] = server.received;
    expect(sent).toMatchObject({ method: 'PUT', url: '/cancel' });
    expect(sent?.headers).toMatchObject({ authorization: 'Key id:secret' });
  });

  test('is harmless for a task that has ended, is unknown, or has no address of fal’s', async () => {
    for (const [status, word] of [
      [400, 'ALREADY_COMPLETED'],
      [404, 'NOT_FOUND'],
    ] as const) {
      const { server, adapter } = await setup({ cancel: { status, body: { status: word } } });
      await adapter.cancel?.(at(server.url));
    }
    const { server, adapter } = await setup();
    await adapter.cancel?.({ id: ID });
    await adapter.cancel?.(at('https://evil.example'));
    expect(server.received).toHaveLength(0);
  });

  test('is tried again when nobody answered', async () => {
    const { server, adapter } = await setup({ cancel: { status: 503, body: '' } });
    await expect(adapter.cancel?.(at(server.url))).rejects.toMatchObject({ name: 'Retryable' });
  });
});

test('the input of fal takes exactly one garment, and nothing it does not know', async () => {
  const { adapter } = await setup();
  const model = adapter.models[MODEL];
  expect(model?.input.safeParse(input).success).toBe(true);
  for (const odd of [
    { garmentImages: [GARMENT, GARMENT] },
    { garmentImages: [] },
    { numSamples: 5 },
    { sync_mode: true },
    { personImage: 'data:image/png;base64,AAAA' },
  ]) {
    expect(model?.input.safeParse({ ...input, ...odd }).success).toBe(false);
  }
});
