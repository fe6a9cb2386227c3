import { type Prediction, validateWebhook } from 'replicate';
import { Webhook } from 'standardwebhooks';
import { expect, test, vi } from 'vitest';
import { ledgerOf, type ReceivedWebhook } from '../../simulator/setup.ts';
import { MODEL, refusalOf, setupReplicate } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "Replicate" in docs/simulator.md.

test('predictions.create names source, webhook, filter and every address', async () => {
  const { client, input, receiver, simulator } = await setupReplicate({ timeScale: 0.25 });
  const webhook = receiver.url;
  const made = await client.predictions.create({
    model: MODEL,
    input: input(),
    webhook,
    webhook_events_filter: ['completed'],
  });
  const own = `${simulator.url}/replicate/v1/predictions/${made.id}`;
  expect(made).toMatchObject({
    model: MODEL,
    version: 'hidden',
    source: 'api',
    status: 'starting',
    webhook,
    webhook_events_filter: ['completed'],
    urls: {
      get: own,
      cancel: `${own}/cancel`,
      stream: `${simulator.url}/replicate/stream/v1/files/${made.id}`,
      web: `${simulator.url}/replicate/p/${made.id}`,
    },
  });
  expect((await receiver.until(1))[0]?.body).toMatchObject({ id: made.id, webhook });
});

test('predictions.create with wait answers the finished prediction', async () => {
  const { client, input } = await setupReplicate({ timeScale: 0.05 });
  const made = await client.predictions.create({ model: MODEL, input: input(), wait: 60 });
  expect(made).toMatchObject({ status: 'succeeded', output: expect.stringMatching(/\.jpeg$/) });
});

test('predictions.create with a filter tells only those events', async () => {
  const { client, input, receiver } = await setupReplicate({ timeScale: 0.05 });
  const webhook = receiver.url;
  const ask = { model: MODEL, webhook };
  await client.predictions.create({ ...ask, input: input(), webhook_events_filter: ['output'] });
  const [only] = await receiver.until(1);
  expect(only?.body).toMatchObject({ status: 'succeeded', output: expect.any(String) });
});

test('predictions.create is sent again by the client when its answer was lost, and paid twice', async () => {
  const { create, simulator } = await setupReplicate();
  await create('?simulate=lost-reply');
  expect(ledgerOf(simulator, 'replicate').accepted).toHaveLength(2);
});

test('predictions.get answers the prediction, after faults of the server too', async () => {
  const { client, create, simulator } = await setupReplicate();
  const faulty = () => create('?simulate=server-errors');
  await refusalOf(faulty());
  await refusalOf(faulty());
  const { id } = await faulty();
  expect(await client.predictions.get(id)).toMatchObject({ id, model: MODEL });
  expect(ledgerOf(simulator, 'replicate').accepted[0]?.polls).toBe(3);
});

test('predictions.cancel ends a live prediction, and refuses a finished one', async () => {
  const { client, create } = await setupReplicate({ scenario: 'stuck' });
  const { id } = await create();
  expect(await client.predictions.cancel(id)).toMatchObject({ id, status: 'canceled' });
  expect(await refusalOf(client.predictions.cancel(id))).toMatchObject({ status: 422 });
});

test('predictions.list answers the newest first', async () => {
  const { client, create } = await setupReplicate();
  const older = await create();
  const newer = await create();
  const { results, next, previous } = await client.predictions.list();
  expect(results.map(({ id }) => id)).toEqual([newer.id, older.id]);
  expect([next, previous]).toEqual([null, null]);
});

test('paginate goes through all pages of a hundred predictions', async () => {
  const { client } = await setupReplicate();
  const made = Array.from({ length: 101 }, () =>
    client.predictions.create({ model: MODEL, input: { prompt: 'a coat' } }),
  );
  const ids = (await Promise.all(made)).map(({ id }) => id);
  const pages: Prediction[][] = [];
  for await (const page of client.paginate(client.predictions.list)) pages.push(page);
  expect(pages.map((page) => page.length)).toEqual([100, 1]);
  expect(new Set(pages.flat().map(({ id }) => id))).toEqual(new Set(ids));
});

/** The parts of a webhook as `validateWebhook` wants them. */
function partsOf({ headers, bytes }: ReceivedWebhook, secret: string) {
  const part = (name: string) => String(headers[name]);
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    part,
  );
  if (!id || !timestamp || !signature) throw new Error('not signed');
  return { id, timestamp, signature, body: bytes.toString(), secret };
}

async function signedWorld(query = '') {
  const world = await setupReplicate();
  const { client, input, receiver } = world;
  const { key } = await client.webhooks.default.secret.get();
  const webhook = receiver.url;
  const filter = { webhook, webhook_events_filter: ['completed' as const] };
  await client.predictions.create({ model: MODEL, input: input(query), ...filter });
  return { ...world, key };
}

test('webhooks.default.secret.get answers what signs the webhooks, and validateWebhook accepts them', async () => {
  const { receiver, key } = await signedWorld();
  const webhook = await receiver.first();
  expect(key).toMatch(/^whsec_/);
  expect(await validateWebhook(partsOf(webhook, key))).toBe(true);
});

test('validateWebhook refuses a body, id or time that was changed, and another secret', async () => {
  const { receiver, key } = await signedWorld();
  const webhook = await receiver.first();
  const good = partsOf(webhook, key);
  const other = `whsec_${Buffer.from('another secret').toString('base64')}`;
  for (const change of [
    { body: good.body.replace('succeeded', 'failed') },
    { id: 'msg_other' },
    { timestamp: String(Number(good.timestamp) + 1) },
    { secret: other },
  ]) {
    expect(await validateWebhook({ ...good, ...change })).toBe(false);
  }
});

test('validateWebhook refuses a forged webhook and accepts the true one after it', async () => {
  const { receiver, key } = await signedWorld('?simulate=forged-signature');
  const webhooks = await receiver.until(2);
  const verdicts = webhooks.map((webhook) => validateWebhook(partsOf(webhook, key)));
  expect(await Promise.all(verdicts)).toEqual([false, true]);
});

test('validateWebhook does not look at the time, so an old webhook is for Standard Webhooks to refuse', async () => {
  const { receiver, key } = await signedWorld();
  const webhook = await receiver.first();
  const parts = partsOf(webhook, key);
  const headers = {
    'webhook-id': parts.id,
    'webhook-timestamp': parts.timestamp,
    'webhook-signature': parts.signature,
  };
  expect(() => new Webhook(key).verify(parts.body, headers)).not.toThrow();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * 60 * 1000 });
  try {
    expect(await validateWebhook(parts)).toBe(true);
    expect(() => new Webhook(key).verify(parts.body, headers)).toThrow('too old');
  } finally {
    vi.useRealTimers();
  }
});

test('a call with an aborted signal ends', async () => {
  const { client } = await setupReplicate();
  const call = client.accounts.current({ signal: AbortSignal.abort() });
  await expect(call).rejects.toThrow(/abort/i);
});

test('ApiError 401: the key is wrong', async () => {
  const { client } = await setupReplicate({ providers: { replicate: { keys: ['another'] } } });
  expect(await refusalOf(client.accounts.current())).toMatchObject({
    name: 'ApiError',
    status: 401,
    message: expect.stringContaining('"title":"Unauthenticated"'),
  });
});

test('ApiError 402: the account has no credit', async () => {
  const { create } = await setupReplicate({ providers: { replicate: { credits: 0 } } });
  expect(await refusalOf(create())).toMatchObject({ name: 'ApiError', status: 402 });
});

test('ApiError 404: no such prediction', async () => {
  const { client } = await setupReplicate();
  expect(await refusalOf(client.predictions.get('nobody'))).toMatchObject({ status: 404 });
  expect(await refusalOf(client.predictions.cancel('nobody'))).toMatchObject({ status: 404 });
});

test('ApiError 422: the input is wrong, and the detail names the field', async () => {
  const { client } = await setupReplicate();
  const made = client.predictions.create({ model: MODEL, input: { image_input: [] } });
  expect(await refusalOf(made)).toMatchObject({
    status: 422,
    message: expect.stringContaining('prompt'),
  });
});

test('429: the client asks again, without a pause, and succeeds', async () => {
  const { create, simulator } = await setupReplicate();
  expect(await create('?simulate=rate-limited')).toMatchObject({ model: MODEL });
  const { refused } = ledgerOf(simulator, 'replicate');
  expect(refused.map(({ httpStatus }) => httpStatus)).toEqual([429]);
});

test('ApiError 500: a submission that meets a fault of the server is not sent again', async () => {
  const { create, simulator } = await setupReplicate();
  expect(await refusalOf(create('?simulate=server-errors'))).toMatchObject({ status: 500 });
  expect(ledgerOf(simulator, 'replicate')).toMatchObject({ accepted: [], refused: [{}] });
});

test('ApiError 502: a page of the gateway is no JSON', async () => {
  const { create } = await setupReplicate();
  expect(await refusalOf(create('?simulate=html-error'))).toMatchObject({
    status: 502,
    message: expect.stringContaining('<h1>502 Bad Gateway</h1>'),
  });
});
