import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startSimulator } from '../../../simulator/index.ts';
import { type PollProfileChanges, pollProfileFor } from '../../../src/config/poll-profiles.ts';
import { checkedAdapter } from '../../../src/providers/checked-adapter.ts';
import { createImageIntelligence } from '../../../src/providers/image-intelligence/adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { createProviders } from '../../../src/providers/registry.ts';
import { createRules } from '../../../src/providers/rules.ts';
import type { Received } from '../../support/loopback-server.ts';
import { onLoopback, sharedParts } from '../shared-parts.ts';

const IMAGE = 'https://img.example.com/one.jpg';
const DAY_MS = 24 * 3_600_000;
const detect = { images: [IMAGE], classes: [{ class: 'car', verify: 'NEVER' }] };
const request = { model: 'detect', input: detect, idempotencyKey: 'gen_1-1' };
const job = { id: 'job-1', status: 'IN_PROGRESS', jobResults: [], imageResults: [] };
const about = { model: 'detect' };

type Reply = Parameters<typeof onLoopback>[1];

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
  const { token: _token, ...options } = more;
  const reply: Reply = (received, _req, res) => {
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
  };
  const settings = { apiKey: 'client:sec:ret', ...options };
  const { server, adapter } = await onLoopback(createImageIntelligence, reply, settings);
  const calls = () => server.received.filter(({ url }) => url !== '/v2/oauth/token');
  return { server, adapter, calls, tokens: () => tokens };
}

const always = (body: unknown, status = 200) => setup(() => ({ status, body }));

// What every provider keeps is in test/contract.

test('a number too large for JSON costs neither the batch nor what else is in it', async () => {
  const objects = [{ class: 'car', confidence: 0.9, verdict: { score: 0 } }];
  const done = { ...job, status: 'COMPLETED_SUCCESSFULLY', imageResults: [{ objects }] };
  const { adapter } = await always(JSON.stringify(done).replace('"score":0', '"score":1e999'));
  const seen = await checkedAdapter(adapter).check({ id: 'job-1' }, about);
  expect(seen).toMatchObject({
    outcome: {
      verdict: 'completed',
      results: [
        { data: { imageResults: [{ objects: [{ class: 'car', verdict: { score: null } }] }] } },
      ],
    },
  });
});

describe('the token of Image Intelligence', () => {
  test('is fetched with both halves of the key; the second may hold a colon', async () => {
    const { server, adapter } = await always(job);
    await adapter.submit(request);
    const [token, sent] = server.received;
    expect(token).toMatchObject({ method: 'POST', url: '/v2/oauth/token' });
    expect(JSON.parse(token?.body ?? '')).toEqual({ clientId: 'client', clientSecret: 'sec:ret' });
    expect(sent).toMatchObject({ url: '/v2/detect', headers: { authorization: 'Bearer t1' } });
  });

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
    let calls = 0;
    const reply: Reply = ({ url }, _req, res) => {
      calls += 1;
      if (calls > silentFrom) return;
      const isToken = url === '/v2/oauth/token';
      const body = { accessToken: `t${calls}`, issuedAt: 0, expiresAt: DAY_MS };
      const answer = () => res.writeHead(isToken ? 200 : 401).end(JSON.stringify(body));
      setTimeout(answer, eachMs);
    };
    const settings = { apiKey: 'a:b', submitTimeoutMs };
    const { server, adapter } = await onLoopback(createImageIntelligence, reply, settings);
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
});

test('a job of Image Intelligence is asked for, and searched for, at its own model’s address', async () => {
  const { adapter, calls } = await always([{ ...job, customId: 'gen_1-1' }]);
  for (const model of ['detect', 'match']) {
    if (adapter.repeatSubmit.kind === 'search')
      await adapter.repeatSubmit.find({ ...request, model });
    await adapter.check({ id: 'job-1' }, { model }).catch(() => undefined);
  }
  expect(calls().map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /v2/detect?customId=gen_1-1',
    'GET /v2/detect/job-1',
    'GET /v2/match?customId=gen_1-1',
    'GET /v2/match/job-1',
  ]);
});

describe('a batch is waited for as long as people may take', () => {
  const MINUTE_MS = 60_000;
  const profiles = async (changes: PollProfileChanges = {}) => {
    const { adapter } = await always(job);
    const rulesFor = createRules(new Map([[adapter.name, adapter]]), {
      pollProfile: (type, about) => pollProfileFor(type, about, changes),
      submitTimeoutMs: 30_000,
      unconfirmedGraceMs: MINUTE_MS,
      checkPatienceMs: MINUTE_MS,
      onUnknownOutcome: () => 'fail',
    });
    return (model: string, input?: Record<string, unknown>) =>
      rulesFor({ provider: adapter.name, model, ...(input && { input }) }).poll;
  };
  const asking = (...levels: (string | undefined)[]) => ({
    classes: levels.map((verify) => ({ class: 'car', ...(verify && { verify }) })),
  });

  test.each([
    [['NEVER', 'NEVER'], 15 * MINUTE_MS],
    [[undefined], 360 * MINUTE_MS],
    [['NEVER', 'AUTO'], 360 * MINUTE_MS],
    [['NEVER', 'ALWAYS', undefined], 1_440 * MINUTE_MS],
  ])('verified %j: %d ms, however often it was asked about', async (levels, giveUpAfterMs) => {
    const poll = (await profiles())('detect', asking(...levels));
    expect(poll).toMatchObject({ firstAfterMs: 5_000, giveUpAfterMs, maxPolls: undefined });
  });

  test('of a match, and of what cannot be read, as by default', async () => {
    const profileOf = await profiles();
    const usual = profileOf('match');
    expect(usual.giveUpAfterMs).toBe(360 * MINUTE_MS);
    expect(profileOf('match', { images: [IMAGE] })).toEqual(usual);
    for (const odd of [{}, { classes: 7 }, asking('SOMETIMES')]) {
      expect(profileOf('detect', odd)).toEqual(profileOf('detect'));
    }
  });

  test('and the operator has the last word', async () => {
    const profileOf = await profiles({ 'image-intelligence': { giveUpAfterMs: 1_000 } });
    expect(profileOf('detect', asking('ALWAYS')).giveUpAfterMs).toBe(1_000);
  });
});

test('what of a batch failed, and may go well, is named as the next request takes it', async () => {
  const result = (n: number, status: string) => ({
    id: `i${n}`,
    url: `${IMAGE}?${n}`,
    proxyUrl: `https://quickpix.example/${n}`,
    customId: `mine-${n}`,
    status,
  });
  const statuses = ['COMPLETED_SUCCESSFULLY', 'MODEL_SERVICE_ERROR', 'SPIDERWEBS_ERROR'];
  const imageResults = statuses.map((status, n) => result(n, status));
  const { adapter } = await always({ ...job, status: 'COMPLETED_PARTIAL_ERROR', imageResults });
  const seen = await adapter.check({ id: 'job-1' }, about);
  const askAgain = [{ url: `${IMAGE}?1`, customId: 'mine-1' }];
  expect(seen).toMatchObject({
    outcome: {
      results: [
        {
          data: {
            imageResults: [{ id: 'i0', proxyUrl: 'https://quickpix.example/0' }, {}, {}],
            askAgain,
          },
        },
      ],
    },
  });
  expect(adapter.models['detect']?.input.safeParse({ ...detect, images: askAgain }).success).toBe(
    true,
  );
});

test('more data than a record holds is kept as a JSON file, and is no failure', async () => {
  const simulator = await startSimulator({ latencyMs: { min: 1, max: 1 } });
  const { close, ...shared } = await sharedParts();
  onTestFinished(async () => {
    await simulator.close();
    await close();
  });
  const kept: string[] = [];
  const putJson = (text: string, of: string) => {
    kept.push(text);
    return shared.files.putJson(text, of);
  };
  const name = 'image-intelligence';
  const settings = { apiKey: 'id:secret', baseUrl: `${simulator.url}/${name}`, webhookSecrets: [] };
  const files = { ...shared.files, putJson };
  // As the processes build it.
  const adapter = createProviders({ [name]: settings }, { ...shared, files }).get(name);
  const images = Array(64).fill(`${simulator.url}/assets/person.png`);
  const classes = Array.from({ length: 64 }, (_, n) => ({ class: `class-${n}` }));
  const answer = await adapter?.submit({ ...request, input: { images, classes } });
  const check = () => answer && adapter?.check(answer.task, about);
  await expect.poll(async () => (await check())?.kind).toBe('final');
  const url = expect.stringMatching(/\/files\/[0-9a-f]{40}\.json$/);
  const file = { kind: 'file', url, contentType: 'application/json' };
  expect(await check()).toMatchObject({ outcome: { verdict: 'completed', results: [file] } });
  const { imageResults } = JSON.parse(kept.at(-1) ?? '');
  expect(imageResults).toHaveLength(64);
  expect(imageResults[63].objects).toHaveLength(64);
});

test('the JSON Schema of Image Intelligence’s inputs says how long a URL may be', async () => {
  const { adapter } = await always(job);
  for (const [name, { input }] of Object.entries(adapter.models)) {
    expect(z.toJSONSchema(input, { io: 'input' }), name).toMatchObject({
      properties: {
        images: {
          items: {
            anyOf: [
              { type: 'string', format: 'uri', maxLength: 512 },
              { properties: { url: { format: 'uri', maxLength: 512 } } },
            ],
          },
        },
      },
    });
  }
});
