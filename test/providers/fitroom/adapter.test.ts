import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { Retryable, Terminal } from '../../../src/generation/errors.ts';
import { createFitRoom } from '../../../src/providers/fitroom/adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { fileAt, formOf, pictures } from '../../support/multipart-form.ts';
import { sharedParts } from '../shared-parts.ts';

const PERSON = 'https://img.example.com/person.jpg';
const SHIRT = 'https://img.example.com/shirt.jpg';
const SKIRT = 'https://img.example.com/skirt.jpg';
const LINK = 'https://store.example.com/result.png?sig=abc';
const input = { personImage: PERSON, garmentImages: [SHIRT], clothType: 'upper' };
const request = { model: 'tryon', input, idempotencyKey: 'gen_1-1' };
const about = { model: 'tryon' };
const accepted = { task_id: 'a1b2', status: 'CREATED' };
const HTML = '<!doctype html><title>Attention required</title>';

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
  const adapter = createFitRoom({
    apiKey: 'fr-key',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
    images: pictures(),
    ...more,
  });
  return { server, adapter };
}

describe('submitting to FitRoom', () => {
  test('sends one garment as a form, with its exact bytes', async () => {
    const { server, adapter } = await setup(always(200, accepted));
    const before = Date.now();
    const { task } = await adapter.submit({
      ...request,
      input: { ...input, hd: true },
      webhookUrl: 'https://catwalk.example.com/webhooks/fitroom/gen_1/token',
    });
    expect(task.id).toBe('a1b2');
    expect(Number(task.handle)).toBeGreaterThanOrEqual(before);
    const [sent] = server.received;
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/api/tryon/v2/tasks',
      headers: { 'x-api-key': 'fr-key' },
    });
    expect(sent?.headers).toHaveProperty('content-length');
    expect(await formOf(sent)).toEqual({
      model_image: fileAt(PERSON),
      cloth_image: fileAt(SHIRT),
      cloth_type: 'upper',
      hd_mode: 'true',
    });
  });

  test('sends two garments as a combo, the upper one first', async () => {
    for (const clothType of ['combo', undefined]) {
      const { server, adapter } = await setup(always(200, accepted));
      const pair = { personImage: PERSON, garmentImages: [SHIRT, SKIRT] };
      await adapter.submit({ ...request, input: { ...pair, ...(clothType && { clothType }) } });
      expect(await formOf(server.received[0])).toEqual({
        model_image: fileAt(PERSON),
        cloth_image: fileAt(SHIRT),
        cloth_type: 'combo',
        lower_cloth_image: fileAt(SKIRT),
      });
    }
  });

  test('sends nothing when a picture cannot be loaded, and says why', async () => {
    for (const error of [
      new Terminal('image_unreadable', 'x'),
      new Retryable('unavailable', 'x'),
    ]) {
      const { server, adapter } = await setup(always(200, accepted), { images: pictures(error) });
      await expect(adapter.submit(request)).rejects.toBe(error);
      expect(server.received).toHaveLength(0);
    }
  });

  test.each([
    [400, { error: 'bad image' }, 'Terminal', 'invalid_input'],
    [410, { message: 'x' }, 'Terminal', 'provider_rejected'],
    [413, HTML, 'Terminal', 'invalid_input'],
    [422, { errors: ['x'] }, 'Terminal', 'invalid_input'],
    [401, {}, 'Retryable', 'unauthorized'],
    [402, { message: 'Not enough credits' }, 'Retryable', 'out_of_credit'],
    [403, HTML, 'Retryable', 'unauthorized'],
    [429, HTML, 'Retryable', 'rate_limited'],
    [500, { error: 'x' }, 'OutcomeUnknown', 'no_answer'],
    [503, HTML, 'OutcomeUnknown', 'no_answer'],
    [200, HTML, 'OutcomeUnknown', 'unreadable_answer'],
    [200, { status: 'CREATED' }, 'OutcomeUnknown', 'unreadable_answer'],
    [200, '{"task_id":"a1', 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await setup(always(status, body));
    await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
  });

  test('passes on what the provider says, wherever it says it', async () => {
    for (const body of [{ error: 'too dark' }, { message: 'too dark' }, { errors: ['too dark'] }]) {
      const { adapter } = await setup(always(400, body));
      await expect(adapter.submit(request)).rejects.toThrow('too dark');
    }
  });
});

describe('checking at FitRoom', () => {
  const task = () => ({ id: 'a1b2', handle: String(Date.now()) });

  async function check(body: unknown, status = 200, checked: object = task()) {
    const { adapter } = await setup(always(status, body));
    return adapter.check({ id: 'a1b2', ...checked }, about);
  }

  test('asks for the id as it was given', async () => {
    const { server, adapter } = await setup(always(200, { status: 'CREATED' }));
    await adapter.check({ id: 'a/b' }, about);
    expect(server.received[0]).toMatchObject({
      method: 'GET',
      url: '/api/tryon/v2/tasks/a%2Fb',
      headers: { 'x-api-key': 'fr-key' },
    });
  });

  test.each(['CREATED', 'PROCESSING', 'WARMING_UP'])('%s is live', async (status) => {
    const live = { kind: 'live', status: status.toLowerCase() };
    expect(await check({ task_id: 'a1b2', status, progress: 10 })).toEqual(live);
  });

  test('a task that was not begun 90 s after its acceptance is stuck', async () => {
    const created = { task_id: 'a1b2', status: 'CREATED' };
    const ago = (ms: number) => ({ handle: String(Date.now() - ms) });
    expect(await check(created, 200, ago(91_000))).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'failed', reason: { code: 'provider_stuck' } },
    });
    expect(await check(created, 200, ago(80_000))).toMatchObject({ kind: 'live' });
    expect(await check({ status: 'PROCESSING' }, 200, ago(91_000))).toMatchObject({
      kind: 'live',
    });
    // Without a time that can be read nobody can say how old it is.
    const ids = { id: 'a1b2' };
    expect(await check(created, 200, { ...ids, handle: 'x' })).toMatchObject({ kind: 'live' });
  });

  test('COMPLETED brings the signed link', async () => {
    expect(await check({ status: 'COMPLETED', download_signed_url: LINK })).toEqual({
      kind: 'final',
      outcome: { verdict: 'completed', results: [{ kind: 'file', url: LINK }] },
    });
    for (const download_signed_url of [undefined, '', 7, '/relative.png']) {
      expect(await check({ status: 'COMPLETED', download_signed_url })).toMatchObject({
        outcome: { reason: { code: 'result_missing' } },
      });
    }
  });

  test.each([
    [{ status: 'FAILED', error: 'no person' }, 'provider_failed'],
    [{ status: 'FAILED', error: null, error_message: 'no person' }, 'provider_failed'],
    [{ status: 'FAILED', error: '', error_message: 'no person' }, 'provider_failed'],
    [{ status: 'CANCELLED', error: 'no person' }, 'provider_canceled'],
    [{ status: 'CANCELED', error: 'no person' }, 'provider_canceled'],
  ])('%j failed, %s', async (body, code) => {
    expect(await check(body)).toMatchObject({
      outcome: {
        verdict: 'failed',
        reason: { code, message: expect.stringContaining('no person') },
      },
    });
  });

  test('404 is a missing task, anything else without an answer is tried again', async () => {
    expect(await check({ error: 'x' }, 404)).toEqual({ kind: 'missing' });
    for (const [status, body] of [
      [200, HTML],
      [200, '{"status":'],
      [400, {}],
      [401, {}],
      [402, {}],
      [403, HTML],
      [429, {}],
      [500, HTML],
    ] as const) {
      await expect(check(body, status)).rejects.toMatchObject({ name: 'Retryable' });
    }
  });
});

test('FitRoom is polled: it has no webhook', async () => {
  expect((await setup(always(200, {}))).adapter).not.toHaveProperty('webhook');
});

test('the input of FitRoom takes one garment of a named type, or an upper and a lower one', async () => {
  const { adapter } = await setup(always(200, {}));
  const accepts = (more: object) =>
    adapter.models['tryon']?.input.safeParse({ personImage: PERSON, ...more }).success;
  for (const clothType of ['upper', 'lower', 'full_set']) {
    expect(accepts({ garmentImages: [SHIRT], clothType })).toBe(true);
    expect(accepts({ garmentImages: [SHIRT, SKIRT], clothType })).toBe(false);
  }
  expect(accepts({ garmentImages: [SHIRT, SKIRT] })).toBe(true);
  expect(accepts({ garmentImages: [SHIRT, SKIRT], clothType: 'combo', hd: true })).toBe(true);
  for (const odd of [
    { garmentImages: [SHIRT] },
    { garmentImages: [SHIRT], clothType: 'combo' },
    { garmentImages: [SHIRT], clothType: 'full' },
    { garmentImages: [] },
    { garmentImages: [SHIRT, SKIRT, SHIRT] },
    { garmentImages: [SHIRT], clothType: 'upper', hd: 'true' },
    { garmentImages: [SHIRT], clothType: 'upper', seed: 1 },
  ]) {
    expect(accepts(odd)).toBe(false);
  }
});

test('a garment without its type is named along with every other mistake of the input', async () => {
  const { adapter } = await setup(always(200, {}));
  const { error } =
    adapter.models['tryon']?.input.safeParse({ garmentImages: [SHIRT], hd: 'yes' }) ?? {};
  const fields = error?.issues.map(({ path }) => path.join('.'));
  expect(fields).toEqual(['personImage', 'hd', 'clothType']);
});

test('pictures are loaded before the submission begins, not kept, and loaded again to be sent', async () => {
  const images = pictures();
  const { server, adapter } = await setup(always(200, accepted), { images });
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
  const { server, adapter } = await setup(always(200, accepted), {
    images: never,
    submitTimeoutMs: 50,
  });
  await expect(adapter.submit(request)).rejects.toMatchObject({
    name: 'Retryable',
    code: 'image_unavailable',
  });
  expect(server.received).toHaveLength(0);
});

test('the JSON Schema of FitRoom’s input says in words which type goes with how many garments', async () => {
  const { adapter } = await setup(always(200, {}));
  const { input } = adapter.models['tryon'] ?? {};
  expect(input && z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })).toMatchObject({
    properties: {
      personImage: { format: 'uri', maxLength: 2_048 },
      clothType: { description: expect.stringMatching(/one garment.*two/i) },
    },
  });
});
