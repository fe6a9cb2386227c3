import { afterEach, describe, expect, test } from 'vitest';
import type { FileStore } from '../../../src/providers/files.ts';
import { createSegmind } from '../../../src/providers/segmind/adapter.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const ID = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const SECOND = 'https://img.example.com/second.jpg';
const LINK = 'https://images.segmind.com/outputs/one.png';
const input = { personImage: PERSON, garmentImages: [GARMENT] };
const request = { model: 'try-on-diffusion', input, idempotencyKey: 'gen_1-1' };
const about = { model: 'try-on-diffusion' };
/** A picture as far as its first bytes tell. */
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

type Reply = Parameters<typeof loopbackServer>[0];

async function setup(reply: Reply, files?: FileStore) {
  const server = await loopbackServer(reply);
  const shared = await sharedParts();
  closers.push(server.close, shared.close);
  const adapter = createSegmind({
    apiKey: 'SG_key',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
    ...(files && { files }),
  });
  return { server, adapter };
}

const queued = (origin: string) => ({
  request_id: ID,
  status: 'QUEUED',
  poll_url: `${origin}/v1/requests/${ID}`,
  status_url: `${origin}/v2/requests/${ID}/status`,
  response_url: `${origin}/v2/requests/${ID}`,
});

describe('submitting to Segmind', () => {
  test.each([
    [
      'try-on-diffusion',
      { category: 'dress', inferenceSteps: 35, guidanceScale: 2.5, seed: 1 },
      {
        model_image: PERSON,
        cloth_image: GARMENT,
        category: 'Dress',
        num_inference_steps: 35,
        guidance_scale: 2.5,
        seed: 1,
      },
    ],
    ['try-on-diffusion', {}, { model_image: PERSON, cloth_image: GARMENT, category: 'Upper body' }],
    [
      'idm-vton',
      {
        category: 'dress',
        garmentDescription: 'green blazer',
        inferenceSteps: 30,
        seed: 42,
        crop: true,
        forceDressCode: false,
        maskOnly: false,
      },
      {
        human_img: PERSON,
        garm_img: GARMENT,
        category: 'dresses',
        garment_des: 'green blazer',
        steps: 30,
        seed: 42,
        crop: true,
        force_dc: false,
        mask_only: false,
      },
    ],
    ['idm-vton', {}, { human_img: PERSON, garm_img: GARMENT }],
    [
      'p-image-try-on',
      {
        garmentImages: [GARMENT, SECOND],
        seed: 7,
        turbo: true,
        outputFormat: 'webp',
        outputQuality: 95,
        preserveInputSize: true,
      },
      {
        person_image: PERSON,
        garment_images: [GARMENT, SECOND],
        seed: 7,
        turbo: true,
        output_format: 'webp',
        output_quality: 95,
        preserve_input_size: true,
      },
    ],
  ])('says the input of %s in its own words', async (model, options, expected) => {
    const { server, adapter } = await setup(always(200, queued('https://api.segmind.com')));
    await adapter.submit({ ...request, model, input: { ...input, ...options } });
    const [sent] = server.received;
    expect(sent).toMatchObject({ method: 'POST', url: `/v2/${model}` });
    expect(sent?.headers).toMatchObject({ 'x-api-key': 'SG_key' });
    expect(sent?.headers).not.toHaveProperty('idempotency-key');
    expect(JSON.parse(sent?.body ?? '')).toEqual(expected);
  });

  test('keeps the returned addresses that are Segmind’s own, and no others', async () => {
    const body = { ...queued('https://api.segmind.com'), status_url: 'https://evil.example/s' };
    const { adapter } = await setup(always(200, body));
    const { task, outcome } = await adapter.submit(request);
    expect(outcome).toBeUndefined();
    expect(task.id).toBe(ID);
    expect(JSON.parse(task.handle ?? '')).toEqual({
      response: `https://api.segmind.com/v2/requests/${ID}`,
    });
  });

  test('is never told where to call us, because it calls nobody', async () => {
    const { server, adapter } = await setup(always(200, queued('https://api.segmind.com')));
    expect(adapter.webhook).toBeUndefined();
    await adapter.submit({ ...request, webhookUrl: 'https://catwalk.example.com/webhooks/x' });
    expect(`${server.received[0]?.url}${server.received[0]?.body}`).not.toContain('catwalk');
  });

  test.each([
    [400, { error: 'bad' }, 'Terminal', 'invalid_input'],
    [401, { error: 'x' }, 'Retryable', 'unauthorized'],
    [402, { error: 'x' }, 'Retryable', 'out_of_credit'],
    [403, { error: 'x' }, 'Retryable', 'unauthorized'],
    [404, { error: 'no such model' }, 'Terminal', 'provider_rejected'],
    [406, { error: 'x' }, 'Retryable', 'out_of_credit'],
    [408, { error: 'x' }, 'OutcomeUnknown', 'no_answer'],
    [422, { error: 'x' }, 'Terminal', 'invalid_input'],
    [429, { error: 'x' }, 'Retryable', 'rate_limited'],
    [500, { error: 'x' }, 'OutcomeUnknown', 'no_answer'],
    [502, '<html>', 'OutcomeUnknown', 'no_answer'],
    [200, { status: 'QUEUED' }, 'OutcomeUnknown', 'unreadable_answer'],
    [200, '{"request_id":', 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await setup(always(status, body));
    await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
  });

  test('sends nothing for a model that it does not know', async () => {
    const { server, adapter } = await setup(always(200, {}));
    for (const model of ['sdxl', 'constructor']) {
      await expect(adapter.submit({ ...request, model })).rejects.toMatchObject({
        name: 'Terminal',
      });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('waiting for Segmind', () => {
  const sync = { ...request, model: 'try-on-diffusion-sync' };
  const picture: Reply = (_received, _req, res) =>
    res.writeHead(200, { 'content-type': 'image/png' }).end(PNG);

  test('keeps a picture that is the answer, and remembers it as the outcome', async () => {
    const { server, adapter } = await setup(picture);
    const { task, outcome } = await adapter.submit(sync);
    expect(server.received[0]?.url).toBe('/v1/try-on-diffusion');
    const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\/files\/[0-9a-f]{40}\.png$/);
    expect(outcome).toEqual({ verdict: 'completed', results: [{ kind: 'file', url }] });
    expect(await adapter.check(task, { model: sync.model })).toEqual({ kind: 'final', outcome });
    expect(server.received).toHaveLength(1);
  });

  test('knows a picture by its bytes, whatever the header calls it', async () => {
    for (const type of ['application/octet-stream', 'text/html', 'application/json']) {
      const { adapter } = await setup((_request, _req, res) =>
        res.writeHead(200, { 'content-type': type }).end(PNG),
      );
      const { outcome } = await adapter.submit({ ...request, model: 'try-on-diffusion-sync' });
      expect(outcome?.verdict, type).toBe('completed');
    }
  });

  test('keeps a picture that comes as base64, too', async () => {
    const { adapter } = await setup(always(200, { image: PNG.toString('base64') }));
    expect((await adapter.submit(sync)).outcome).toMatchObject({ verdict: 'completed' });
  });

  test('an answer without a picture is a failure', async () => {
    const text: Reply = (_received, _req, res) =>
      res.writeHead(200, { 'content-type': 'image/png' }).end('not a picture');
    for (const reply of [text, always(200, { image: 'AAAA' }), always(200, {})]) {
      const { adapter } = await setup(reply);
      expect((await adapter.submit(sync)).outcome).toMatchObject({
        verdict: 'failed',
        reason: { code: 'result_missing' },
      });
    }
  });

  test('a failure that is the answer is the outcome, any other refusal is a refusal', async () => {
    const body = { status: 'FAILED', error: 'NSFW content' };
    const failing = await setup(always(422, body));
    expect((await failing.adapter.submit(sync)).outcome).toMatchObject({
      verdict: 'failed',
      reason: { code: 'content_policy' },
    });
    const refusing = await setup(always(422, { error: 'category is missing' }));
    await expect(refusing.adapter.submit(sync)).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('half a picture, or a page, leaves the outcome unknown', async () => {
    const half: Reply = (_received, _req, res) => {
      res.writeHead(200, { 'content-type': 'image/png', 'content-length': '999' });
      res.write(PNG, () => res.destroy());
    };
    for (const reply of [half, always(200, '<html>', { 'content-type': 'text/html' })]) {
      const { adapter } = await setup(reply);
      await expect(adapter.submit(sync)).rejects.toMatchObject({ name: 'OutcomeUnknown' });
    }
  });

  test('a task whose outcome was not remembered is a failure, not a question', async () => {
    const { server, adapter } = await setup(always(200, {}));
    for (const task of [{ id: 'waited-x' }, { id: 'waited-x', handle: '{"a":1}' }]) {
      expect(await adapter.check(task, { model: sync.model })).toMatchObject({ kind: 'final' });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('checking at Segmind', () => {
  /** The status body under every address, and the result where there is one. */
  async function check(status: unknown, result: unknown = status, code = 200) {
    const { server, adapter } = await setup((received, ...raw) => {
      const body = received.url.endsWith('/status') ? status : result;
      always(code, body)(received, ...raw);
    });
    const observation = await adapter.check({ id: ID }, about);
    return { observation, urls: server.received.map(({ url }) => url) };
  }

  const completed = (output: unknown) =>
    check({ status: 'COMPLETED', request_id: ID }, { status: 'COMPLETED', output });

  test('follows the kept addresses, and builds those that it may not follow', async () => {
    const body = { status: 'COMPLETED', output: LINK };
    const { server, adapter } = await setup(always(200, body));
    const other = { status: `${server.url}/other/1`, response: `${server.url}/other/2` };
    const built = [`/v2/requests/${ID}/status`, `/v2/requests/${ID}`];
    const cases = [
      [JSON.stringify(other), ['/other/1', '/other/2']],
      [JSON.stringify({ status: 'https://evil.example/s' }), built],
      ['x', built],
    ] as const;
    for (const [handle, urls] of cases) {
      server.received.splice(0);
      await adapter.check({ id: ID, handle }, about);
      expect(server.received.map(({ url }) => url)).toEqual(urls);
      expect(server.received[0]?.headers).toMatchObject({ 'x-api-key': 'SG_key' });
    }
  });

  test.each(['QUEUED', 'PROCESSING', 'SOMETHING_NEW'])(
    '%s is live, and asks once',
    async (status) => {
      const { observation, urls } = await check({ status, request_id: ID, metrics: {} });
      expect(observation).toEqual({ kind: 'live', status: status.toLowerCase() });
      expect(urls).toHaveLength(1);
    },
  );

  test.each([
    [LINK],
    [[LINK]],
    [{ url: LINK }],
    [[{ url: LINK, seed: 1 }]],
    [{ images: [{ url: LINK }] }],
    [JSON.stringify([LINK])],
    [JSON.stringify({ output: [{ image: LINK }] })],
  ])('an output of %j is one link', async (output) => {
    expect((await completed(output)).observation).toEqual({
      kind: 'final',
      outcome: { verdict: 'completed', results: [{ kind: 'file', url: LINK }] },
    });
  });

  test.each([
    [PNG.toString('base64')],
    [`data:image/png;base64,${PNG.toString('base64')}`],
    [[{ base64: PNG.toString('base64') }]],
  ])('an output of %j is kept as a file', async (output) => {
    const { observation } = await completed(output);
    expect(observation).toMatchObject({
      outcome: { results: [{ url: expect.stringMatching(/\/files\/[0-9a-f]{40}\.png$/) }] },
    });
    expect(JSON.stringify(observation)).not.toContain('iVBORw0KGgo');
  });

  test.each([
    [null],
    [[]],
    [{}],
    [{ seed: 1 }],
    ['not a link'],
    ['AAAA'],
    [[LINK, 'AAAA']],
    [Array(33).fill(LINK)],
    [{ url: { url: { url: { url: { url: LINK } } } } }],
  ])('an output of %j is no usable result', async (output) => {
    expect((await completed(output)).observation).toMatchObject({
      outcome: { verdict: 'failed', reason: { code: 'result_missing' } },
    });
  });

  test.each([
    [422, 'Out of memory', 'provider_error'],
    [422, 'Inference timed out', 'provider_timed_out'],
    [200, 'NSFW content detected', 'content_policy'],
    [422, 'Could not load the image', 'image_unreadable'],
    [422, 'Unknown trouble', 'provider_failed'],
    [422, undefined, 'provider_failed'],
  ])('FAILED under %d with %j is a failure, %s', async (code, error, reason) => {
    const { observation } = await check({ status: 'FAILED', error }, undefined, code);
    expect(observation).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'failed', reason: { code: reason } },
    });
  });

  test('a result that says otherwise than the status wins', async () => {
    const done = { status: 'COMPLETED' };
    const later = await check(done, { status: 'PROCESSING' });
    expect(later.observation).toEqual({ kind: 'live', status: 'processing' });
    const bad = await check(done, { status: 'FAILED', error: 'x' });
    expect(bad.observation).toMatchObject({ outcome: { verdict: 'failed' } });
  });

  test('404 is a missing task, anything else without an answer is tried again', async () => {
    const error = { error: 'x' };
    expect((await check(error, error, 404)).observation).toEqual({ kind: 'missing' });
    for (const [status, code] of [
      [401, 'unauthorized'],
      [422, 'unavailable'],
      [429, 'rate_limited'],
      [500, 'unavailable'],
    ] as const) {
      const expected = { name: 'Retryable', code };
      await expect(check(error, error, status)).rejects.toMatchObject(expected);
    }
    await expect(check('<html>')).rejects.toMatchObject({ name: 'Retryable' });
    await expect(check({ no: 'status' })).rejects.toMatchObject({ name: 'Retryable' });
  });
});

test('credits are what is left of both kinds', async () => {
  const { server, adapter } = await setup(always(200, { credits: 9.5, 'free-credits': 0.5 }));
  expect(await adapter.account?.()).toEqual({ credits: 10 });
  expect(server.received[0]?.url).toBe('/v1/get-user-credits');
  expect(server.received[0]?.headers).toMatchObject({ 'x-api-key': 'SG_key' });
});

test('each model of Segmind takes its own bounds, and nothing it does not know', async () => {
  const { adapter } = await setup(always(200, {}));
  for (const [name, model] of Object.entries(adapter.models)) {
    expect(model.input.safeParse(input).success).toBe(true);
    const many = { ...input, garmentImages: [GARMENT, SECOND] };
    expect(model.input.safeParse(many).success).toBe(name === 'p-image-try-on');
    for (const odd of [{ garmentImages: [] }, { base64: true }, { human_img: PERSON }]) {
      expect(model.input.safeParse({ ...input, ...odd }).success).toBe(false);
    }
  }
});

test('polling has ended, also after failed checks, before Segmind forgets a result', async () => {
  const { adapter } = await setup(always(200, {}));
  for (const { poll, resultLifetimeMs } of Object.values(adapter.models)) {
    if (!poll) continue;
    const longest = 2 * (poll.giveUpAfterMs ?? Number.POSITIVE_INFINITY);
    expect(longest + (resultLifetimeMs ?? 0)).toBeLessThanOrEqual(3_600_000);
  }
});
