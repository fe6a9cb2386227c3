import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { pollProfileFor } from '../../../src/config/poll-profiles.ts';
import { createImageIntelligence } from '../../../src/providers/image-intelligence/adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { loopbackServer, type Received } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

const IMAGE = 'https://img.example.com/one.jpg';
const OTHER = 'https://img.example.com/two.jpg';
const WEBHOOK = 'https://catwalk.example.com/webhooks/image-intelligence/gen_1/token';
const DAY_MS = 24 * 3_600_000;
const detect = { images: [IMAGE, OTHER], classes: [{ class: 'car', verify: 'NEVER' }] };
const match = { images: [IMAGE], target: { class: 'logo', images: [OTHER], customId: 'brand' } };
const request = { model: 'detect', input: detect, idempotencyKey: 'gen_1-1' };
const job = { id: 'job-1', status: 'IN_PROGRESS', jobResults: [], imageResults: [] };
const about = { model: 'detect' };

interface Answer {
  status?: number;
  body: unknown;
}

/** Tokens are `t1`, `t2`, …; `answer` says what everything else is answered. */
async function setup(
  answer: (request: Received, token: string) => Answer,
  more: Partial<ProviderOptions> & { token?: (n: number) => Answer } = {},
) {
  let tokens = 0;
  const server = await loopbackServer((received, _req, res) => {
    const isToken = received.url === '/v2/oauth/token';
    if (isToken) tokens += 1;
    // A provider whose clock is an hour behind.
    const issuedAt = Date.now() - 3_600_000;
    const fresh = { accessToken: `t${tokens}`, expiresAt: issuedAt + DAY_MS, issuedAt };
    const token = received.headers.authorization?.replace('Bearer ', '') ?? '';
    const { status = 200, body } = isToken
      ? (more.token?.(tokens) ?? { body: fresh })
      : answer(received, token);
    res.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  const { close, ...shared } = await sharedParts();
  onTestFinished(async () => {
    await server.close();
    await close();
  });
  const { token: _token, ...options } = more;
  const adapter = createImageIntelligence({
    apiKey: 'client:sec:ret',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
    ...options,
  });
  const calls = () => server.received.filter(({ url }) => url !== '/v2/oauth/token');
  return { server, adapter, calls, tokens: () => tokens };
}

const always = (body: unknown, status = 200) => setup(() => ({ status, body }));

describe('submitting to Image Intelligence', () => {
  test('fetches a token with both halves of the key, and names the attempt', async () => {
    const { server, adapter } = await always(job);
    const answer = await adapter.submit({
      ...request,
      input: { ...detect, feedId: 'street' },
      webhookUrl: WEBHOOK,
    });
    expect(answer).toEqual({ task: { id: 'job-1' } });
    const [token, sent] = server.received;
    expect(token).toMatchObject({ method: 'POST', url: '/v2/oauth/token' });
    expect(JSON.parse(token?.body ?? '')).toEqual({ clientId: 'client', clientSecret: 'sec:ret' });
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/v2/detect',
      headers: { authorization: 'Bearer t1' },
    });
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      images: [{ url: IMAGE }, { url: OTHER }],
      classes: [{ class: 'car', verify: 'NEVER' }],
      feedId: 'street',
      customId: 'gen_1-1',
      webhookUrl: WEBHOOK,
    });
  });

  test('says a match in its words', async () => {
    const { adapter, calls } = await always(job);
    await adapter.submit({ ...request, model: 'match', input: match });
    expect(calls()[0]?.url).toBe('/v2/match');
    expect(JSON.parse(calls()[0]?.body ?? '')).toEqual({
      images: [{ url: IMAGE }],
      target: { class: 'logo', images: [OTHER], customId: 'brand' },
      customId: 'gen_1-1',
    });
  });

  test.each([
    [400, {}, 'Terminal', 'invalid_input'],
    [404, {}, 'Terminal', 'provider_rejected'],
    [413, '<html>', 'Terminal', 'invalid_input'],
    [401, {}, 'Retryable', 'unauthorized'],
    [403, {}, 'Retryable', 'unauthorized'],
    [429, {}, 'Retryable', 'rate_limited'],
    [500, {}, 'OutcomeUnknown', 'no_answer'],
    [502, '<html>', 'OutcomeUnknown', 'no_answer'],
    [200, { status: 'IN_PROGRESS' }, 'OutcomeUnknown', 'unreadable_answer'],
    [200, '{"id":', 'OutcomeUnknown', 'unreadable_answer'],
  ])('turns %d %j into %s %s', async (status, body, name, code) => {
    const { adapter } = await always(body, status);
    await expect(adapter.submit(request)).rejects.toMatchObject({ name, code });
  });

  test('sends nothing for a model that it does not know', async () => {
    const { adapter, server } = await always(job);
    for (const model of ['ask', 'constructor']) {
      const call = adapter.submit({ ...request, model });
      await expect(call).rejects.toMatchObject({ name: 'Terminal', code: 'invalid_input' });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('the token of Image Intelligence', () => {
  test('is fetched once, however many calls need it at once', async () => {
    const { adapter, calls, tokens } = await always(job);
    await Promise.all(Array.from({ length: 10 }, () => adapter.check({ id: 'job-1' }, about)));
    await adapter.submit(request);
    expect(tokens()).toBe(1);
    expect(calls()).toHaveLength(11);
  });

  test('is replaced once when it is refused, and the call made again', async () => {
    const { adapter, calls, tokens } = await setup((_received, token) =>
      token === 't1' ? { status: 401, body: {} } : { body: job },
    );
    const tasks = [adapter.submit(request), adapter.submit(request)];
    expect(await Promise.all(tasks)).toHaveLength(2);
    expect(await adapter.check({ id: 'job-1' }, about)).toMatchObject({ kind: 'live' });
    expect(tokens()).toBe(2);
    expect(calls()).toHaveLength(5);
  });

  test('that is refused twice is the operator’s matter, not the generation’s', async () => {
    const { adapter, calls, tokens } = await always({}, 401);
    const expected = { name: 'Retryable', code: 'unauthorized' };
    await expect(adapter.submit(request)).rejects.toMatchObject(expected);
    expect([tokens(), calls().length]).toEqual([2, 2]);
  });

  test.each([
    [400, {}, 'unauthorized'],
    [401, {}, 'unauthorized'],
    [403, {}, 'unauthorized'],
    [429, {}, 'rate_limited'],
    [500, {}, 'unavailable'],
    [200, '<html>', 'unavailable'],
    [200, { accessToken: 't' }, 'unavailable'],
  ])(
    'that is not to be had (%d %j) stops the call before it is sent: %s',
    async (status, body, code) => {
      const { adapter, calls } = await setup(() => ({ body: job }), {
        token: () => ({ status, body }),
      });
      await expect(adapter.submit(request)).rejects.toMatchObject({ name: 'Retryable', code });
      expect(calls()).toHaveLength(0);
    },
  );

  /** Tokens are given and calls refused with 401, until `silentFrom` exchanges have been had. */
  async function refusing(options: {
    silentFrom?: number;
    eachMs?: number;
    submitTimeoutMs: number;
  }) {
    const { silentFrom = 99, eachMs = 0, submitTimeoutMs } = options;
    const server = await loopbackServer(({ url }, _req, res) => {
      if (server.received.length > silentFrom) return;
      const isToken = url === '/v2/oauth/token';
      const body = { accessToken: `t${server.received.length}`, issuedAt: 0, expiresAt: DAY_MS };
      const answer = () => res.writeHead(isToken ? 200 : 401).end(JSON.stringify(body));
      setTimeout(answer, eachMs);
    });
    const { close, ...shared } = await sharedParts();
    onTestFinished(async () => {
      await server.close();
      await close();
    });
    const settings = { apiKey: 'a:b', baseUrl: server.url, webhookSecrets: [] };
    const adapter = createImageIntelligence({ ...settings, ...shared, submitTimeoutMs });
    const posts = () => server.received.filter(({ url }) => url === '/v2/detect').length;
    return { adapter, posts };
  }

  test.each([
    [0, 'unavailable', 0],
    [1, 'no_answer', 1],
    [2, 'unavailable', 1],
    [3, 'no_answer', 2],
  ])('and the call have one deadline: silence after %d exchanges is %s', async (n, code, sent) => {
    const { adapter, posts } = await refusing({ silentFrom: n, submitTimeoutMs: 400 });
    const startedAt = performance.now();
    await expect(adapter.submit(request)).rejects.toMatchObject({ code });
    // The client's own deadline is 2 s for each call.
    expect(performance.now() - startedAt).toBeLessThan(1_900);
    expect(posts()).toBe(sent);
  });

  test('and the call, each in time, are given up when all together are late', async () => {
    const { adapter } = await refusing({ eachMs: 150, submitTimeoutMs: 400 });
    const error: unknown = await adapter.submit(request).catch((reason: unknown) => reason);
    expect(['unavailable', 'no_answer']).toContain(Reflect.get(Object(error), 'code'));
  });

  test('is replaced before it runs out, by our clock', async () => {
    // 29 s left: less than the margin.
    const token = (n: number) => ({
      body: { accessToken: `t${n}`, expiresAt: 29_000, issuedAt: 0 },
    });
    const { adapter, tokens } = await setup(() => ({ body: job }), { token });
    await adapter.check({ id: 'job-1' }, about);
    await adapter.check({ id: 'job-1' }, about);
    expect(tokens()).toBe(2);
  });

  test('needs both halves of the key, and the message names the variable', async () => {
    for (const apiKey of ['key', 'key:', ':secret', '']) {
      await expect(setup(() => ({ body: job }), { apiKey })).rejects.toMatchObject({
        code: 'invalid_settings',
        message: expect.stringMatching(/^IMAGE_INTELLIGENCE_API_KEY: /),
      });
    }
  });
});

const imageResult = (url: string, status: string) => ({
  id: `id-of-${url}`,
  proxyUrl: 'https://quickpix.example/1',
  url,
  status,
  objects: [{ class: 'car', confidence: 0.9, verdict: true }],
});

describe('checking at Image Intelligence', () => {
  async function check(body: unknown, status = 200, model = 'detect') {
    const world = await always(body, status);
    const observation = await world.adapter.check({ id: 'job-1' }, { model });
    return { observation, path: world.calls()[0]?.url };
  }

  test.each(['IN_PROGRESS', 'PAUSED'])('%s is live, at its own model’s address', async (status) => {
    const live = { kind: 'live', status: status.toLowerCase() };
    expect(await check({ ...job, status })).toEqual({
      observation: live,
      path: '/v2/detect/job-1',
    });
    expect((await check({ ...job, status }, 200, 'match')).path).toBe('/v2/match/job-1');
  });

  test.each(['COMPLETED_SUCCESSFULLY', 'COMPLETED_PARTIAL_ERROR'])(
    '%s completes with data, each image under its own status',
    async (status) => {
      const done = {
        ...job,
        status,
        jobResults: [{ class: 'car', hitl: true, image: { id: 'x', url: IMAGE, confidence: 0.9 } }],
        imageResults: [
          imageResult(IMAGE, 'COMPLETED_SUCCESSFULLY'),
          { id: 'b', url: OTHER, status: 'IMAGE_DOWNLOAD_ERROR' },
        ],
      };
      const { observation } = await check(done);
      expect(JSON.parse(JSON.stringify(observation))).toEqual({
        kind: 'final',
        outcome: {
          verdict: 'completed',
          results: [
            {
              kind: 'data',
              data: {
                status: status.toLowerCase(),
                jobResults: [{ class: 'car', hitl: true, image: { url: IMAGE, confidence: 0.9 } }],
                imageResults: [
                  {
                    url: IMAGE,
                    status: 'completed_successfully',
                    objects: [{ class: 'car', confidence: 0.9, verdict: true }],
                  },
                  { url: OTHER, status: 'image_download_error' },
                ],
              },
            },
          ],
        },
      });
    },
  );

  test('a match has one job result, not a list', async () => {
    const jobResults = { target: { class: 'logo' }, hitl: false, image: { url: IMAGE } };
    const done = { ...job, status: 'COMPLETED_SUCCESSFULLY', jobResults };
    const { observation } = await check(done, 200, 'match');
    expect(observation).toMatchObject({ outcome: { results: [{ data: { jobResults } }] } });
  });

  test('completed without any results is without a usable one', async () => {
    const { observation } = await check({ id: 'job-1', status: 'COMPLETED_SUCCESSFULLY' });
    expect(observation).toMatchObject({ outcome: { reason: { code: 'result_missing' } } });
  });

  test('more data than a record may hold is a failure, not a flood', async () => {
    const imageResults = Array(64).fill(imageResult(`${IMAGE}?${'x'.repeat(2_000)}`, 'x'));
    const { observation } = await check({
      ...job,
      status: 'COMPLETED_SUCCESSFULLY',
      imageResults,
    });
    expect(observation).toMatchObject({ outcome: { reason: { code: 'result_too_large' } } });
  });

  test.each([
    [['IMAGE_DOWNLOAD_ERROR', 'INVALID_IMAGE_FORMAT_ERROR'], 'image_unreadable'],
    [['MALFORMED_MESSAGE_ERROR'], 'invalid_input'],
    [['SPIDERWEBS_ERROR'], 'invalid_input'],
    [['UNKNOWN_ERROR', 'JOB_ERROR'], 'provider_error'],
    [['DETECTION_ENGINE_ERROR', 'MODEL_SERVICE_ERROR'], 'provider_error'],
    [['JOB_ERROR', 'SPIDERWEBS_ERROR'], 'provider_failed'],
    [['BRAND_NEW_ERROR'], 'provider_failed'],
    [[], 'provider_failed'],
  ])('a batch of which every image failed (%j) failed, %s', async (statuses, code) => {
    const imageResults = statuses.map((status) => imageResult(IMAGE, status));
    const { observation } = await check({ ...job, status: 'COMPLETED_ALL_ERROR', imageResults });
    const words = statuses.at(0)?.toLowerCase().replaceAll('_', ' ') ?? '';
    expect(observation).toMatchObject({
      outcome: { verdict: 'failed', reason: { code, message: expect.stringContaining(words) } },
    });
  });

  test('404 is a missing job, anything else without an answer is tried again', async () => {
    expect((await check({}, 404)).observation).toEqual({ kind: 'missing' });
    expect((await check(job, 200, 'constructor')).observation).toEqual({ kind: 'missing' });
    for (const [status, body] of [
      [200, '<html>'],
      [200, { status: 'IN_PROGRESS' }],
      [400, {}],
      [401, {}],
      [429, {}],
      [500, {}],
    ] as const) {
      await expect(check(body, status)).rejects.toMatchObject({ name: 'Retryable' });
    }
  });
});

describe('looking up a submission at Image Intelligence', () => {
  async function lookUp(body: unknown, status = 200, model = 'detect') {
    const world = await always(body, status);
    const { repeatSubmit } = world.adapter;
    if (repeatSubmit.kind !== 'search') throw new Error('Image Intelligence can be searched');
    const task = await repeatSubmit.find({ ...request, model });
    return { task, sent: world.calls()[0] };
  }

  test('finds the job that carries the attempt’s name', async () => {
    const jobs = [
      { ...job, id: 'job-0', customId: 'gen_1-11' },
      { ...job, customId: 'gen_1-1' },
    ];
    const { task, sent } = await lookUp(jobs);
    expect(task).toEqual({ id: 'job-1' });
    expect(sent).toMatchObject({ method: 'GET', url: '/v2/detect?customId=gen_1-1' });
    expect((await lookUp(jobs, 200, 'match')).sent?.url).toBe('/v2/match?customId=gen_1-1');
  });

  test('proves absence by an answer without it', async () => {
    expect((await lookUp([])).task).toBeUndefined();
    expect((await lookUp([{ ...job, customId: 'gen_2-1' }])).task).toBeUndefined();
  });

  test('never proves absence by an answer that it cannot read', async () => {
    for (const [status, body] of [
      [200, {}],
      [200, '<html>'],
      [200, [{ ...job, customId: null }]],
      [200, [{ customId: 'gen_2-1' }]],
      [404, {}],
      [429, {}],
      [500, {}],
    ] as const) {
      await expect(lookUp(body, status)).rejects.toMatchObject({ name: 'Retryable' });
    }
  });
});

describe('a webhook of Image Intelligence', () => {
  async function webhook(trust?: 'hint' | 'token') {
    const { adapter } = await setup(() => ({ body: job }), { trust });
    if (!adapter.webhook) throw new Error('Image Intelligence has webhooks');
    return adapter.webhook;
  }
  const body = (value: unknown) => Buffer.from(JSON.stringify(value));

  test('is a hint unless the settings trust the token', async () => {
    expect(await webhook()).toMatchObject({ scope: 'request', trust: 'hint' });
    expect((await webhook('token')).trust).toBe('token');
  });

  test('reads as the status does', async () => {
    const { read } = await webhook();
    expect(read(body({ ...job, status: 'COMPLETED_PARTIAL_ERROR' }))).toMatchObject({
      taskId: 'job-1',
      observation: { kind: 'final', outcome: { verdict: 'completed' } },
    });
    expect(read(body({ ...job, status: 'COMPLETED_ALL_ERROR' }))).toMatchObject({
      observation: { outcome: { verdict: 'failed' } },
    });
    expect(read(body(job)).observation.kind).toBe('live');
  });

  test('that is believed does not fail a batch whose results it lacks', async () => {
    const { read } = await webhook('token');
    for (const status of ['COMPLETED_SUCCESSFULLY', 'COMPLETED_ALL_ERROR']) {
      expect(read(body({ id: 'job-1', status })).observation.kind).toBe('live');
    }
  });

  test('that is malformed says so', async () => {
    const { read } = await webhook();
    for (const odd of [{}, null, [], { status: 'IN_PROGRESS' }, { id: '../x y' }]) {
      expect(() => read(body(odd))).toThrow(expect.objectContaining({ code: 'malformed_webhook' }));
    }
  });
});

test('the inputs of Image Intelligence are bounded, and take nothing they do not know', async () => {
  const { adapter } = await always(job);
  const accepts = (model: string, input: object) =>
    adapter.models[model]?.input.safeParse(input).success;
  expect(accepts('detect', { ...detect, images: Array(64).fill(IMAGE) })).toBe(true);
  expect(accepts('detect', { ...detect, classes: [{ class: 'car' }] })).toBe(true);
  expect(accepts('match', match)).toBe(true);
  for (const odd of [
    { images: [] },
    { images: Array(65).fill(IMAGE) },
    { images: [`${IMAGE}?${'x'.repeat(512)}`] },
    { images: ['data:image/png;base64,AA'] },
    { classes: [] },
    { classes: [{ class: 'car', verify: 'SOMETIMES' }] },
    { feedId: 'x'.repeat(65) },
    { customId: 'mine' },
    { target: match.target },
  ]) {
    expect(accepts('detect', { ...detect, ...odd })).toBe(false);
  }
  for (const images of [[], Array(4).fill(OTHER)]) {
    expect(accepts('match', { ...match, target: { class: 'logo', images } })).toBe(false);
  }
});

test('a batch that people look at is waited for, however often it was asked about', async () => {
  const { adapter } = await always(job);
  for (const [name, { type, poll }] of Object.entries(adapter.models)) {
    const about = { provider: adapter.name, name, recommended: poll };
    expect(pollProfileFor(type, about, {})).toMatchObject({
      firstAfterMs: 5_000,
      longestMs: 60_000,
      giveUpAfterMs: 1_800_000,
      maxPolls: undefined,
    });
  }
});

test('the JSON Schema of Image Intelligence’s inputs says how long a URL may be', async () => {
  const { adapter } = await always(job);
  for (const [name, { input }] of Object.entries(adapter.models)) {
    expect(z.toJSONSchema(input, { io: 'input' }), name).toMatchObject({
      properties: { images: { items: { type: 'string', format: 'uri', maxLength: 512 } } },
    });
  }
});
