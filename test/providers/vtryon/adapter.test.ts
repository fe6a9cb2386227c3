import { describe, expect, onTestFinished, test } from 'vitest';
import { Retryable, Terminal } from '../../../src/generation/errors.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { createVtryon } from '../../../src/providers/vtryon/adapter.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { fileAt, formOf, pictures } from '../../support/multipart-form.ts';
import { sharedParts } from '../shared-parts.ts';

const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const LINK = 'https://cdn.example.com/result.png';
const request = {
  model: 'tryon',
  input: { personImage: PERSON, garmentImages: [GARMENT], imageQuality: '4k' },
  idempotencyKey: 'gen_1-1',
};
const prepared = '{"person":"11","garment":"22"}';

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
  const images = pictures();
  const adapter = createVtryon({
    apiKey: 'vt-key',
    baseUrl: `${server.url}/`,
    webhookSecrets: ['whsec_one'],
    ...shared,
    images,
    ...more,
  });
  const prepare = async (given?: string) => {
    if (!adapter.prepare) throw new Error('Vtryon has uploads');
    return adapter.prepare({ ...request, ...(given !== undefined && { prepared: given }) });
  };
  return { server, adapter, images, prepare };
}

/** Uploads are answered with 11 and 22. */
const uploads: Parameters<typeof loopbackServer>[0] = ({ url }, _req, res) => {
  const id = url === '/v2/tryon/person-images/' ? 11 : 22;
  res.writeHead(200).end(JSON.stringify({ id, image_url: LINK }));
};

describe('uploading to Vtryon', () => {
  test('is one picture per call, the person first, with its exact bytes', async () => {
    const { server, images, prepare } = await setup(uploads);
    const first = await prepare();
    expect(first).toEqual({ prepared: '{"person":"11"}', done: false });
    expect(images.loaded).toEqual([PERSON]);
    expect(await prepare(first.prepared)).toEqual({ prepared, done: true });
    const [person, garment] = server.received;
    expect(person).toMatchObject({
      method: 'POST',
      url: '/v2/tryon/person-images/',
      headers: { 'x-api-key': 'vt-key' },
    });
    expect(await formOf(person)).toEqual({ image: fileAt(PERSON) });
    expect(garment).toMatchObject({ method: 'POST', url: '/v2/tryon/garment-images/' });
    expect(await formOf(garment)).toEqual({ image: fileAt(GARMENT) });
  });

  test('that was done before a crash is not done again', async () => {
    const { server, images, prepare } = await setup(uploads);
    await prepare('{"person":"7"}');
    expect(await prepare(prepared)).toEqual({ prepared, done: true });
    expect(images.loaded).toEqual([GARMENT]);
    expect(server.received).toHaveLength(1);
  });

  test('begins anew when what was saved cannot be read', async () => {
    for (const odd of ['', '{', 'null', '[1]', '{"person":""}', '{"person":{}}']) {
      const { prepare } = await setup(uploads);
      expect(await prepare(odd)).toEqual({ prepared: '{"person":"11"}', done: false });
    }
  });

  test.each([
    [400, { detail: 'no picture' }, 'Terminal', 'invalid_input'],
    [413, '<html>', 'Terminal', 'invalid_input'],
    [415, {}, 'Terminal', 'invalid_input'],
    [401, {}, 'Retryable', 'unauthorized'],
    [402, {}, 'Retryable', 'out_of_credit'],
    [404, {}, 'Retryable', 'unavailable'],
    [409, {}, 'Retryable', 'unavailable'],
    [429, {}, 'Retryable', 'rate_limited'],
    [500, {}, 'Retryable', 'unavailable'],
    [502, '<html>', 'Retryable', 'unavailable'],
    [200, '<html>', 'Retryable', 'unavailable'],
    [200, {}, 'Retryable', 'unavailable'],
    [200, '{"id":', 'Retryable', 'unavailable'],
  ])('turns %d %j into %s %s, because it is free', async (status, body, name, code) => {
    const { prepare } = await setup(always(status, body));
    await expect(prepare()).rejects.toMatchObject({ name, code });
  });

  test('sends nothing when a picture cannot be loaded, and says why', async () => {
    for (const error of [
      new Terminal('image_unreadable', 'x'),
      new Retryable('unavailable', 'x'),
    ]) {
      const { server, prepare } = await setup(uploads, { images: pictures(error) });
      await expect(prepare()).rejects.toBe(error);
      expect(server.received).toHaveLength(0);
    }
  });
});

describe('submitting to Vtryon', () => {
  test('names the uploads by number, and takes the task’s number as a string', async () => {
    const { server, adapter } = await setup(always(200, { id: 340, status: 'queued' }));
    expect(await adapter.submit({ ...request, prepared })).toEqual({ task: { id: '340' } });
    const [sent] = server.received;
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/v2/tryon/tasks/',
      headers: { 'x-api-key': 'vt-key', 'content-type': 'application/json' },
    });
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      tryon_person_image_id: 11,
      garment_image_id: 22,
      image_quality: '4k',
    });
  });

  test('hands ids back as they came when they are no numbers', async () => {
    const { server, adapter } = await setup(always(200, { id: 'task-1' }));
    await adapter.submit({ ...request, prepared: '{"person":"007","garment":"a1"}' });
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({
      tryon_person_image_id: '007',
      garment_image_id: 'a1',
    });
  });

  test('pays nothing before both pictures are there', async () => {
    const { server, adapter } = await setup(always(200, { id: 1 }));
    for (const odd of [undefined, '{"person":"11"}', '{']) {
      const call = adapter.submit({ ...request, ...(odd !== undefined && { prepared: odd }) });
      await expect(call).rejects.toMatchObject({ name: 'Retryable' });
    }
    expect(server.received).toHaveLength(0);
  });

  test.each([
    [400, { detail: 'bad id' }, 'Terminal', 'invalid_input'],
    [404, { detail: 'Not found.' }, 'Terminal', 'provider_rejected'],
    [401, {}, 'Retryable', 'unauthorized'],
    [403, {}, 'Retryable', 'unauthorized'],
    [402, {}, 'Retryable', 'out_of_credit'],
    [429, {}, 'Retryable', 'rate_limited'],
    [500, {}, 'OutcomeUnknown', 'no_answer'],
    [502, '<html>', 'OutcomeUnknown', 'no_answer'],
    [200, { status: 'queued' }, 'OutcomeUnknown', 'unreadable_answer'],
    [200, '{"id":', 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await setup(always(status, body));
    const call = adapter.submit({ ...request, prepared });
    await expect(call).rejects.toMatchObject({ name, code });
  });
});

describe('checking at Vtryon', () => {
  async function check(body: unknown, status = 200) {
    const world = await setup(always(status, body));
    const observation = await world.adapter.check({ id: '340' }, { model: 'tryon' });
    return { observation, sent: world.server.received[0] };
  }

  test.each(['queued', 'pending', 'processing', 'something_new'])('%s is live', async (status) => {
    const { observation, sent } = await check({ id: 340, status, result_url: null });
    expect(observation).toEqual({ kind: 'live', status });
    expect(sent).toMatchObject({ method: 'GET', url: '/v2/tryon/tasks/340/' });
  });

  test('completed brings its link, failed its sentence', async () => {
    const done = await check({ id: 340, status: 'completed', result_url: LINK });
    expect(done.observation).toEqual({
      kind: 'final',
      outcome: { verdict: 'completed', results: [{ kind: 'file', url: LINK }] },
    });
    for (const error of [{ message: 'no person' }, 'no person']) {
      const { observation } = await check({ id: 340, status: 'failed', error });
      expect(observation).toMatchObject({
        outcome: {
          verdict: 'failed',
          reason: { code: 'provider_failed', message: expect.stringContaining('no person') },
        },
      });
    }
    const bare = await check({ id: 340, status: 'completed' });
    expect(bare.observation).toMatchObject({ outcome: { reason: { code: 'result_missing' } } });
  });

  test('404 is a missing task, anything else without an answer is tried again', async () => {
    expect((await check({ detail: 'Not found.' }, 404)).observation).toEqual({ kind: 'missing' });
    for (const [status, body] of [
      [400, {}],
      [401, {}],
      [429, {}],
      [500, {}],
      [502, '<html>'],
      [200, '<html>'],
      [200, { status: 'queued' }],
    ] as const) {
      await expect(check(body, status)).rejects.toMatchObject({ name: 'Retryable' });
    }
  });
});

describe('a webhook of Vtryon', () => {
  const delivery = (body: string, signature?: string | string[]) => ({
    headers: { 'x-vtryon-signature': signature },
    body: Buffer.from(body),
  });

  test('is authentic when signed with either live secret, used literally', async () => {
    const secrets = ['whsec_new', 'whsec_5d41402abc4b'];
    const { webhook } = (await setup(always(200, {}), { webhookSecrets: secrets })).adapter;
    const body = '{"event":"generation.status_changed","task_id":340,"status":"processing"}';
    // printf '%s' "$body" | openssl dgst -sha256 -hmac 'whsec_5d41402abc4b'
    const known = '1f4ae7eafb86126ea4cb95ec20e82eb7b7b0cb0f58cacd44c7dbb9de41c505ba';
    expect(webhook).toMatchObject({ scope: 'account', trust: 'signature' });
    expect(webhook?.verify?.(delivery(body, known))).toBe(true);
    expect(webhook?.verify?.(delivery(body, known.toUpperCase()))).toBe(true);
    expect(webhook?.verify?.(delivery(`${body} `, known))).toBe(false);
    for (const forged of [undefined, '', known.slice(1), `sha256=${known}`, [known, known]]) {
      expect(webhook?.verify?.(delivery(body, forged))).toBe(false);
    }
  });

  test('is not supported without a secret', async () => {
    for (const webhookSecrets of [[], ['']]) {
      const { adapter } = await setup(always(200, {}), { webhookSecrets });
      expect(adapter.webhook).toBeUndefined();
    }
  });

  async function read(body: unknown) {
    const { webhook } = (await setup(always(200, {}))).adapter;
    return webhook?.read(Buffer.from(JSON.stringify(body)));
  }
  const change = { event: 'generation.status_changed', task_id: 340 };

  test('tells of every status, each for itself', async () => {
    for (const status of ['queued', 'processing', 'something_new']) {
      expect(await read({ ...change, status, data: null, error: null })).toEqual({
        taskId: '340',
        observation: { kind: 'live', status },
      });
    }
    const done = { ...change, status: 'completed', data: { result_url: LINK } };
    expect(await read(done)).toMatchObject({
      taskId: '340',
      observation: { outcome: { verdict: 'completed', results: [{ url: LINK }] } },
    });
    const bad = { ...change, status: 'failed', error: { message: 'no person' } };
    expect(await read(bad)).toMatchObject({
      observation: { outcome: { verdict: 'failed', reason: { code: 'provider_failed' } } },
    });
  });

  test('decides nothing without its link, or about an event that nobody documents', async () => {
    const live = { taskId: '340', observation: { kind: 'live', status: 'completed' } };
    expect(await read({ ...change, status: 'completed', data: {} })).toEqual(live);
    const other = { event: 'generation.shared', task_id: '340', status: 'completed' };
    expect(await read({ ...other, data: { result_url: LINK } })).toEqual(live);
  });

  test('that is malformed says so', async () => {
    for (const odd of [
      {},
      null,
      [],
      { task_id: 1 },
      { status: 'queued' },
      { task_id: '../x y', status: 'failed' },
    ]) {
      await expect(read(odd)).rejects.toMatchObject({ code: 'malformed_webhook' });
    }
  });
});

test('the path of Vtryon’s tasks can be set: for creating and for asking', async () => {
  const { server, adapter } = await setup(always(200, { id: 7, status: 'queued' }), {
    taskPath: '/v2/tryon/{id}',
  });
  await adapter.submit({ ...request, prepared });
  await adapter.check({ id: '7' }, { model: 'tryon' });
  expect(server.received.map(({ url }) => url)).toEqual(['/v2/tryon/', '/v2/tryon/7']);
  await expect(setup(uploads, { taskPath: '/v2/tryon/' })).rejects.toThrow(/^VTRYON_TASK_PATH: /);
});

test('Vtryon’s words for refused content are a reason of ours', async () => {
  const error = { message: 'Rejected by content moderation' };
  const { adapter } = await setup(always(200, { id: 7, status: 'failed', error }));
  expect(await adapter.check({ id: '7' }, { model: 'tryon' })).toMatchObject({
    outcome: { reason: { code: 'content_policy' } },
  });
});

test('Vtryon cannot be built without an address, and the message names the variable', async () => {
  for (const baseUrl of [undefined, '']) {
    await expect(setup(always(200, {}), { baseUrl })).rejects.toMatchObject({
      code: 'invalid_settings',
      message: expect.stringMatching(/^VTRYON_BASE_URL: is required/),
    });
  }
});

test('the input of Vtryon takes exactly one garment, and nothing it does not know', async () => {
  const { adapter } = await setup(always(200, {}));
  const accepts = (more: object) =>
    adapter.models['tryon']?.input.safeParse({ ...request.input, ...more }).success;
  expect(accepts({})).toBe(true);
  for (const odd of [
    { garmentImages: [] },
    { garmentImages: [GARMENT, GARMENT] },
    { imageQuality: '8k' },
    { personImage: '11' },
    { seed: 1 },
  ]) {
    expect(accepts(odd)).toBe(false);
  }
});
