import { createFalClient } from '@fal-ai/client';
import { expect, test } from 'vitest';
import { createFal } from '../../../src/providers/fal/adapter.ts';
import { EVERY_OPTION } from '../../support/try-on-options.ts';
import { recordingServer } from '../requests.ts';

const MODEL = 'fal-ai/fashn/tryon/v1.6';
const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const WEBHOOK = 'https://catwalk.example.com/webhooks/fal/gen_1/to-ken?a=b c&d=ü#e';
const ID = '764cabcf-b745-4b3e-ae38-1200304cf45b';
const answer = { request_id: ID, status: 'COMPLETED', images: [] };

/** The client and our adapter, before one server that records what each sends. */
async function bothSides() {
  const { server, shared, sent } = await recordingServer(answer);
  const client = createFalClient({
    credentials: 'id:secret',
    requestMiddleware: async (request) => ({
      ...request,
      url: request.url.replace('https://queue.fal.run', server.url),
    }),
  });
  const adapter = createFal({
    apiKey: 'id:secret',
    baseUrl: server.url,
    webhookSecrets: [],
    ...shared,
  });
  return { server, client, adapter, sent };
}

const images = { personImage: PERSON, garmentImages: [GARMENT] };
const theirImages = { model_image: PERSON, garment_image: GARMENT };

test.each([
  ['nothing but the pictures', {}, {}],
  ['every option', EVERY_OPTION.ours, EVERY_OPTION.theirs],
] as const)(
  'a try-on with %s is the same request from both, but for the usual priority',
  async (_what, more, theirMore) => {
    const { client, adapter, sent } = await bothSides();
    const webhookUrl = WEBHOOK;
    const input = { ...images, ...more };
    const { theirs, ours } = await sent(
      () => client.queue.submit(MODEL, { input: { ...theirImages, ...theirMore }, webhookUrl }),
      () => adapter.submit({ model: MODEL, input, idempotencyKey: 'gen_1-1', webhookUrl }),
    );
    // The client always says it; "Queue": normal is what it is without.
    const { 'x-fal-queue-priority': priority, ...headers } = theirs[0]?.headers ?? {};
    expect(priority).toBe('normal');
    expect(ours).toEqual([{ ...theirs[0], headers }]);
    expect(ours[0]).toMatchObject({ path: `/${MODEL}`, query: { fal_webhook: WEBHOOK } });
    expect(headers).toMatchObject({
      authorization: 'Key id:secret',
      'content-type': 'application/json',
    });
  },
);

test('asking how it is and how it ended is the same from both, but that the client declines logs', async () => {
  const { client, adapter, sent } = await bothSides();
  const about = { requestId: ID };
  const { theirs, ours } = await sent(
    () => client.queue.status(MODEL, about).then(() => client.queue.result(MODEL, about)),
    () => adapter.check({ id: ID }, { model: MODEL }),
  );
  const [status, result] = theirs;
  // "Get request status": without logs=1 there are none.
  expect(status?.query).toEqual({ logs: '0' });
  expect(ours).toEqual([{ ...status, query: {} }, result]);
});

test('canceling at the address that fal returned is the request that the client builds', async () => {
  const { server, client, adapter, sent } = await bothSides();
  const cancel = `${server.url}/fal-ai/fashn/requests/${ID}/cancel`;
  const task = { id: ID, handle: JSON.stringify({ cancel }) };
  const { theirs, ours } = await sent(
    () => client.queue.cancel(MODEL, { requestId: ID }),
    () => adapter.cancel?.(task) ?? Promise.reject(new Error('no cancel')),
  );
  expect(ours).toEqual(theirs);
  expect(ours).toMatchObject([{ method: 'PUT' }]);
});
