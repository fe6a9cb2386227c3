import { describe, expect, onTestFinished, test } from 'vitest';
import { Retryable, Terminal } from '../../../src/generation/errors.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { createTryOnApi } from '../../../src/providers/tryon-api/adapter.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { fileAt, formOf, pictureAt, pictures } from '../../support/multipart-form.ts';
import { sharedParts } from '../shared-parts.ts';

const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const LINK = 'https://store.example.com/result.png?sig=abc';
const input = { personImage: PERSON, garmentImages: [GARMENT] };
const request = { model: 'tryon', input, idempotencyKey: 'gen_1-1' };
const about = { model: 'tryon' };
const PICTURE = pictureAt(PERSON).bytes;

async function setup(
  reply: Parameters<typeof loopbackServer>[0],
  more: Partial<ProviderOptions> = {},
) {
  const server = await loopbackServer(reply);
  const { close, ...shared } = await sharedParts();
  onTestFinished(async () => {
    await server.close();
    await close();
  });
  const adapter = createTryOnApi({
    apiKey: 'ta_key',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
    images: pictures(),
    ...more,
  });
  return { server, adapter };
}

describe('submitting to tryon-api', () => {
  test('sends both pictures as a form, with their exact bytes', async () => {
    const { server, adapter } = await setup(always(202, { jobId: 'job-1' }));
    expect(await adapter.submit(request)).toEqual({ task: { id: 'job-1' } });
    await adapter.submit({ ...request, input: { ...input, fastMode: true } });
    await adapter.submit({ ...request, input: { ...input, fastMode: false } });
    const [sent, fast, slow] = server.received;
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/api/v1/tryon',
      headers: { authorization: 'Bearer ta_key' },
    });
    const files = { person_images: fileAt(PERSON), garment_images: fileAt(GARMENT) };
    expect(await formOf(sent)).toEqual(files);
    expect(await formOf(fast)).toEqual({ ...files, fast_mode: 'true' });
    expect(await formOf(slow)).toEqual(files);
  });

  test('follows the status address that it was given, on the base URL’s own origin only', async () => {
    const { server, adapter } = await setup((received, _req, res) => {
      const statusUrl = '/api/v2/elsewhere/job-1';
      const body =
        received.method === 'POST' ? { jobId: 'job-1', statusUrl } : { status: 'queued' };
      res.writeHead(202).end(JSON.stringify(body));
    });
    const { task } = await adapter.submit(request);
    await adapter.check(task, about);
    await adapter.check({ id: 'job-1' }, about);
    await adapter.check({ id: 'a/b', handle: '{"status":"https://evil.example.com/"}' }, about);
    expect(server.received.slice(1).map(({ url }) => url)).toEqual([
      '/api/v2/elsewhere/job-1',
      '/api/v1/tryon/status/job-1',
      '/api/v1/tryon/status/a%2Fb',
    ]);
  });

  test.each(['https://evil.example.com/status/1', '//evil.example.com/', '/\\evil.example.com'])(
    'keeps no handle for the status address %s',
    async (statusUrl) => {
      const { adapter } = await setup(always(202, { jobId: 'job-1', statusUrl }));
      expect(await adapter.submit(request)).toEqual({ task: { id: 'job-1' } });
    },
  );

  test('takes a result that comes at once, as its JSON variant may answer, even without an id', async () => {
    const outcome = { verdict: 'completed', results: [{ kind: 'file', url: LINK }] };
    for (const body of [
      { images: [LINK] },
      { images: [{ url: LINK }] },
      { result: { images: [LINK] } },
      { status: 'completed', result: { images: [{ url: LINK, width: 1 }] } },
    ]) {
      const nameless = await setup(always(200, body));
      expect(await nameless.adapter.submit(request)).toEqual({
        task: { id: 'inline-gen_1-1' },
        outcome,
      });
      const named = await setup(always(200, { jobId: 'job-1', ...body }));
      expect(await named.adapter.submit(request)).toEqual({ task: { id: 'job-1' }, outcome });
    }
  });

  test('sends nothing when a picture cannot be loaded, and says why', async () => {
    for (const error of [
      new Terminal('image_unreadable', 'x'),
      new Retryable('unavailable', 'x'),
    ]) {
      const images = pictures(error);
      const { server, adapter } = await setup(always(202, { jobId: 'job-1' }), { images });
      await expect(adapter.submit(request)).rejects.toBe(error);
      expect(server.received).toHaveLength(0);
    }
  });

  test.each([
    [400, { error: 'bad file' }, 'Terminal', 'invalid_input'],
    [401, { error: 'x' }, 'Retryable', 'unauthorized'],
    [402, { error: 'no credits' }, 'Retryable', 'out_of_credit'],
    [429, {}, 'Retryable', 'rate_limited'],
    [500, {}, 'OutcomeUnknown', 'no_answer'],
    [502, '<html>', 'OutcomeUnknown', 'no_answer'],
    [202, '<html>', 'OutcomeUnknown', 'unreadable_answer'],
    [202, {}, 'OutcomeUnknown', 'unreadable_answer'],
    [202, { status: 'completed' }, undefined, undefined],
    [202, '{"jobId":"j', 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await setup(always(status, body));
    if (name === undefined) {
      expect(await adapter.submit(request)).toMatchObject({
        outcome: { reason: { code: 'result_missing' } },
      });
    } else {
      await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
    }
  });
});

describe('checking at tryon-api', () => {
  async function check(body: unknown, status = 200) {
    const { adapter } = await setup(always(status, body));
    return adapter.check({ id: 'job-1' }, about);
  }

  test.each(['processing', 'queued', 'something_new'])('%s is live', async (status) => {
    expect(await check({ jobId: 'job-1', status })).toEqual({ kind: 'live', status });
  });

  test('a result is a link, or bytes that are kept and answered as one', async () => {
    expect(await check({ status: 'completed', imageUrl: LINK, imageBase64: null })).toEqual({
      kind: 'final',
      outcome: { verdict: 'completed', results: [{ kind: 'file', url: LINK }] },
    });
    const base64 = PICTURE.toString('base64');
    for (const imageBase64 of [base64, `data:image/jpeg;base64,${base64}`]) {
      expect(await check({ status: 'completed', imageBase64 })).toMatchObject({
        outcome: {
          verdict: 'completed',
          results: [{ kind: 'file', url: expect.stringMatching(/\/files\/[0-9a-f]{40}\.jpg$/) }],
        },
      });
    }
  });

  test.each([
    {},
    { imageBase64: 'bm90IGEgcGljdHVyZQ==' },
    { imageBase64: '{}' },
    { imageUrl: '/x' },
  ])('completed with %j is without a usable result', async (odd) => {
    expect(await check({ status: 'completed', ...odd })).toMatchObject({
      outcome: { verdict: 'failed', reason: { code: 'result_missing' } },
    });
  });

  test.each([
    [{ status: 'failed', message: 'too dark' }, 'provider_failed'],
    [{ status: 'failed', error: 'too dark' }, 'provider_failed'],
    [{ status: 'failed', result: { message: 'too dark', code: 7 } }, 'provider_failed'],
    [{ status: 'failed', errorCode: 'INVALID_INPUT', message: 'too dark' }, 'invalid_input'],
    [{ status: 'invalid_input', message: 'too dark' }, 'invalid_input'],
  ])('%j failed, %s', async (body, code) => {
    expect(await check(body)).toMatchObject({
      outcome: {
        verdict: 'failed',
        reason: { code, message: expect.stringContaining('too dark') },
      },
    });
  });

  test('404 is a missing task, anything else without an answer is tried again', async () => {
    expect(await check({ error: 'x' }, 404)).toEqual({ kind: 'missing' });
    for (const [status, body] of [
      [200, '<html>'],
      [200, '{"status":'],
      [400, {}],
      [401, {}],
      [429, {}],
      [500, {}],
    ] as const) {
      await expect(check(body, status)).rejects.toMatchObject({ name: 'Retryable' });
    }
  });
});

test('tryon-api is polled: no webhook is documented', async () => {
  expect((await setup(always(200, {}))).adapter).not.toHaveProperty('webhook');
});

test('the input of tryon-api takes exactly one garment, and nothing it does not know', async () => {
  const { adapter } = await setup(always(200, {}));
  const accepts = (more: object) =>
    adapter.models['tryon']?.input.safeParse({ ...input, ...more }).success;
  expect(accepts({ fastMode: true })).toBe(true);
  for (const odd of [
    { garmentImages: [] },
    { garmentImages: [GARMENT, GARMENT] },
    { fastMode: 'true' },
    { personImage: 'file.jpg' },
    { category: 'tops' },
  ]) {
    expect(accepts(odd)).toBe(false);
  }
});

test('pictures are loaded before the submission begins, not kept, and loaded again to be sent', async () => {
  const images = pictures();
  const { server, adapter } = await setup(always(202, { jobId: 'job-1' }), { images });
  const first = await adapter.prepare?.(request);
  expect(first?.done).toBe(true);
  expect(first?.prepared.length).toBeLessThan(40);
  expect(images.loaded).toHaveLength(2);
  expect(await adapter.prepare?.({ ...request, prepared: first?.prepared })).toEqual(first);
  expect([images.loaded.length, server.received.length]).toEqual([2, 0]);
  await adapter.submit({ ...request, prepared: first?.prepared });
  expect([images.loaded.length, server.received.length]).toEqual([4, 1]);
});

test('pictures that load too slowly to be sent in time are not sent, and nothing of it is the provider’s', async () => {
  const never = { ...pictures(), load: () => new Promise<never>(() => {}) };
  const { server, adapter } = await setup(always(202, { jobId: 'job-1' }), {
    images: never,
    submitTimeoutMs: 50,
  });
  await expect(adapter.submit(request)).rejects.toMatchObject({
    name: 'Retryable',
    code: 'image_unavailable',
  });
  expect(server.received).toHaveLength(0);
});
