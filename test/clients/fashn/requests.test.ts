import Fashn from 'fashn';
import { expect, test } from 'vitest';
import { createFashn } from '../../../src/providers/fashn/adapter.ts';
import type { Received } from '../../support/loopback-server.ts';
import { EVERY_OPTION } from '../../support/try-on-options.ts';
import { MAY_DIFFER, recordingServer } from '../requests.ts';

/** The client's statistics: they need not be the same either. */
const STATISTICS = /^x-stainless-/;

const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const WEBHOOK = 'https://catwalk.example.com/webhooks/fashn/gen_1/to-ken?a=b c&d=ü#e';
const ID = '123a87r9-4129-4bb3-be18-9c9fb5bd7fc1-u1';

/** The client and our adapter, before one server that records what each sends. */
async function bothSides(answer: unknown) {
  const { server, shared } = await recordingServer(answer);
  const client = new Fashn({ baseURL: server.url, apiKey: 'fa-key', maxRetries: 0 });
  const adapter = createFashn({
    apiKey: 'fa-key',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
  });
  /** The two requests, once each side has made its own. */
  const sent = async (...calls: (() => PromiseLike<unknown>)[]): Promise<[Received, Received]> => {
    for (const call of calls) await call();
    const [theirs, ours] = server.received;
    if (!theirs || !ours) throw new Error('two requests were expected');
    return [theirs, ours];
  };
  return { client, adapter, sent };
}

/** A request without what may differ; its address to the letter. */
function essence({ method, url, headers, body }: Received) {
  const kept = Object.entries(headers).filter(
    ([name]) => !Object.hasOwn(MAY_DIFFER, name) && !STATISTICS.test(name),
  );
  return {
    method,
    url,
    headers: Object.fromEntries(kept),
    body: body === '' ? undefined : JSON.parse(body),
  };
}

const input = { personImage: PERSON, garmentImages: [GARMENT] };
const images = { model_image: PERSON, garment_image: GARMENT };

test.each([
  ['nothing but the pictures', {}, {}],
  ['every option', EVERY_OPTION.ours, EVERY_OPTION.theirs],
] as const)('a try-on with %s is the same request from both', async (_what, ours, theirs) => {
  const { client, adapter, sent } = await bothSides({ id: ID, error: null });
  const [a, b] = await sent(
    () =>
      client.predictions.run({
        model_name: 'tryon-v1.6',
        inputs: { ...images, ...theirs },
        webhook_url: WEBHOOK,
      }),
    () =>
      adapter.submit({
        model: 'tryon-v1.6',
        input: { ...input, ...ours },
        idempotencyKey: 'gen_1-1',
        webhookUrl: WEBHOOK,
      }),
  );
  expect(essence(b)).toEqual(essence(a));
  expect(a.url).toBe(`/v1/run?webhook_url=${encodeURIComponent(WEBHOOK)}`);
  expect(essence(a).headers).toMatchObject({
    authorization: 'Bearer fa-key',
    'content-type': 'application/json',
  });
});

test('a try-on without a webhook is the same request from both, with no query', async () => {
  const { client, adapter, sent } = await bothSides({ id: ID, error: null });
  const [a, b] = await sent(
    () => client.predictions.run({ model_name: 'tryon-v1.6', inputs: images }),
    () => adapter.submit({ model: 'tryon-v1.6', input, idempotencyKey: 'gen_1-1' }),
  );
  expect(essence(b)).toEqual(essence(a));
  expect(a.url).toBe('/v1/run');
});

test('tryon-max, which the types of the client do not know, is the same request from both', async () => {
  const { client, adapter, sent } = await bothSides({ id: ID, error: null });
  const options = { prompt: 'sleeves rolled up', seed: 3 };
  const [a, b] = await sent(
    () =>
      client.post('/v1/run', {
        body: {
          model_name: 'tryon-max',
          inputs: {
            model_image: PERSON,
            product_image: GARMENT,
            ...options,
            output_format: 'png',
          },
        },
      }),
    () =>
      adapter.submit({
        model: 'tryon-max',
        input: { ...input, ...options, outputFormat: 'png' },
        idempotencyKey: 'gen_1-1',
      }),
  );
  expect(essence(b)).toEqual(essence(a));
});

test('subscribe adds its own options to the body, and nothing else is different', async () => {
  const { client, adapter, sent } = await bothSides({ id: ID, error: null, status: 'completed' });
  const [a, b] = await sent(
    () => adapter.submit({ model: 'tryon-v1.6', input, idempotencyKey: 'gen_1-1' }),
    () =>
      client.predictions.subscribe({
        model_name: 'tryon-v1.6',
        inputs: images,
        pollInterval: 5,
        timeout: 1_000,
        maxRetries: 0,
        onEnqueued: () => undefined,
      }),
  );
  const { body, ...rest } = essence(b);
  expect({ ...rest, body: { model_name: body.model_name, inputs: body.inputs } }).toEqual(
    essence(a),
  );
  expect(Object.keys(body).sort()).toEqual([
    'inputs',
    'maxRetries',
    'model_name',
    'pollInterval',
    'timeout',
  ]);
});

test.each([
  ['asking for a prediction', ID],
  // Not with `=` in it: the client leaves that as it is, we write %3D, and both mean the same.
  ['asking for an id that needs encoding', 'a b/c?d#ü'],
])('%s is the same request from both', async (_what, id) => {
  const { client, adapter, sent } = await bothSides({ id, status: 'starting', error: null });
  const [a, b] = await sent(
    () => client.predictions.status(id),
    () => adapter.check({ id }, { model: 'tryon-v1.6' }),
  );
  expect(essence(b)).toEqual(essence(a));
});

test('asking for the credits is the same request from both', async () => {
  const { client, adapter, sent } = await bothSides({ credits: { total: 3 } });
  const [a, b] = await sent(
    () => client.get('/v1/credits'),
    () => adapter.account?.() ?? Promise.reject(new Error('no account')),
  );
  expect(essence(b)).toEqual(essence(a));
});
