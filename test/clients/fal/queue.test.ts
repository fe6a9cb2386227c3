import { createHash, createPublicKey, verify } from 'node:crypto';
import {
  isCompletedQueueStatus,
  isQueueStatus,
  type QueueStatus,
  ValidationError,
} from '@fal-ai/client';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ledgerOf, type ReceivedWebhook } from '../../simulator/setup.ts';
import { MODEL, refusalOf, setupFal } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "fal" in docs/simulator.md.

test('subscribe by polling tells each status, with logs, and gives the output', async () => {
  const { client, input } = await setupFal({ timeScale: 0.25 });
  const seen: QueueStatus[] = [];
  let enqueued = '';
  const { data, requestId } = await client.subscribe(MODEL, {
    input: input(),
    logs: true,
    pollInterval: 10,
    onEnqueue: (id) => {
      enqueued = id;
    },
    onQueueUpdate: (status) => seen.push(status),
  });
  expect(requestId).toBe(enqueued);
  expect(data.images).toHaveLength(1);
  expect([...new Set(seen.map(({ status }) => status))]).toEqual([
    'IN_QUEUE',
    'IN_PROGRESS',
    'COMPLETED',
  ]);
  const last = seen.at(-1);
  if (last?.status !== 'COMPLETED') throw new Error('not completed');
  expect(last.logs.map(({ message, level, source }) => ({ message, level, source }))).toEqual([
    { message: 'Dressing the person.', level: 'INFO', source: 'USER' },
    { message: 'Finished.', level: 'INFO', source: 'USER' },
  ]);
  expect(last.metrics).toEqual({ inference_time: expect.any(Number) });
});

test('subscribe by streaming tells each status, with logs, and gives the output', async () => {
  const { client, input } = await setupFal({ timeScale: 0.25 });
  const seen: string[] = [];
  const lines: string[] = [];
  const { data } = await client.subscribe(MODEL, {
    input: input(),
    mode: 'streaming',
    logs: true,
    onQueueUpdate: (status) => {
      seen.push(status.status);
      if (status.status === 'COMPLETED') lines.push(...status.logs.map(({ message }) => message));
    },
  });
  expect(seen).toEqual(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']);
  expect(lines).toEqual(['Dressing the person.', 'Finished.']);
  expect(data.images).toHaveLength(1);
});

test('subscribe throws the error that stands in place of the output', async () => {
  const { client, input } = await setupFal();
  const ask = (query: string) => client.subscribe(MODEL, { input: input(query), pollInterval: 10 });
  const failed = await refusalOf(ask('?simulate=failed'));
  expect(failed).toMatchObject({
    status: 500,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    body: { detail: [{ type: 'internal_server_error' }] },
  });
  const flagged = await refusalOf(ask('?simulate=moderation'));
  expect(flagged).toBeInstanceOf(ValidationError);
  expect(flagged).toMatchObject({
    status: 422,
    fieldErrors: [{ type: 'content_policy_violation' }],
  });
});

test('subscribe with a timeout cancels the request', async () => {
  const { client, input, simulator } = await setupFal({ scenario: 'stuck' });
  const asked = client.subscribe(MODEL, { input: input(), timeout: 50, pollInterval: 10 });
  await expect(asked).rejects.toThrow('Client timed out');
  await expect.poll(() => ledgerOf(simulator, 'fal').accepted[0]?.finalStatus).toBe('CANCELED');
});

test('queue.submit answers the number and every address', async () => {
  const { client, input, simulator } = await setupFal();
  const made = await client.queue.submit(MODEL, { input: input(), priority: 'low', hint: 'warm' });
  const own = `${simulator.url}/fal/fal-ai/fashn/requests/${made.request_id}`;
  expect(made).toEqual({
    status: 'IN_QUEUE',
    request_id: expect.any(String),
    queue_position: 0,
    response_url: own,
    status_url: `${own}/status`,
    cancel_url: `${own}/cancel`,
  });
  expect(isQueueStatus(made)).toBeTruthy();
});

test('queue.submit passes headers on, so that x-simulate chooses a scenario of the simulator', async () => {
  const { client, input } = await setupFal();
  const headers = { 'X-Simulate': 'moderation' };
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input(), headers });
  await client.queue.subscribeToStatus(MODEL, { requestId, pollInterval: 5 });
  expect(await refusalOf(client.queue.result(MODEL, { requestId }))).toMatchObject({ status: 422 });
});

test('queue.submit with startTimeout ends a request that does not start in time', async () => {
  const { client, input, receiver } = await setupFal({ scenario: 'stuck' });
  const { request_id: requestId } = await client.queue.submit(MODEL, {
    input: input(),
    startTimeout: 5,
    webhookUrl: receiver.url,
  });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toMatchObject({
    status: 'ERROR',
    payload: { error_type: 'request_timeout' },
  });
  expect(await client.queue.status(MODEL, { requestId })).toMatchObject({ status: 'COMPLETED' });
  const error = await refusalOf(client.queue.result(MODEL, { requestId }));
  expect(error).toMatchObject({ status: 504, isUserTimeout: true });
});

test('queue.status types logs as an array, empty unless they are asked for', async () => {
  const { client, input } = await setupFal();
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  const status = await client.queue.subscribeToStatus(MODEL, { requestId, pollInterval: 5 });
  expect(isCompletedQueueStatus(status)).toBe(true);
  expect(status.logs).toEqual([]);
  const told = await client.queue.status(MODEL, { requestId, logs: true });
  expect(told).toMatchObject({ logs: [{}, { message: 'Finished.' }] });
});

test('queue.status is asked again by the client after faults of the server', async () => {
  const { client, input, simulator } = await setupFal();
  const ask = () => client.queue.submit(MODEL, { input: input('?simulate=server-errors') });
  await refusalOf(ask());
  await refusalOf(ask());
  const { request_id: requestId } = await ask();
  expect(await client.queue.status(MODEL, { requestId })).toMatchObject({ request_id: requestId });
  expect(ledgerOf(simulator, 'fal').accepted[0]?.polls).toBe(3);
});

test('queue.streamStatus yields each status once, and names the request', async () => {
  const { client, input } = await setupFal({ timeScale: 0.25 });
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  const stream = await client.queue.streamStatus(MODEL, { requestId });
  const seen: QueueStatus[] = [];
  for await (const status of stream) seen.push(status);
  expect(seen.map(({ status }) => status)).toEqual(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']);
  expect(seen.at(-1)).toMatchObject({ request_id: requestId, logs: [] });
  expect(stream.requestId).toBe(requestId);
});

test('queue.streamStatus of an unknown request is refused', async () => {
  const { client } = await setupFal();
  const stream = await client.queue.streamStatus(MODEL, { requestId: 'nobody' });
  expect(await refusalOf(stream.done())).toMatchObject({ status: 404 });
});

test('queue.streamStatus that is aborted ends with what it has', async () => {
  const { client, input } = await setupFal({ scenario: 'stuck' });
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  const stream = await client.queue.streamStatus(MODEL, { requestId });
  stream.on('data', () => stream.abort());
  expect(await stream.done()).toMatchObject({ status: 'IN_QUEUE' });
});

test('queue.subscribeToStatus resolves with the end, a bad one too', async () => {
  const { client, input } = await setupFal();
  const { request_id: requestId } = await client.queue.submit(MODEL, {
    input: input('?simulate=failed'),
  });
  const end = await client.queue.subscribeToStatus(MODEL, { requestId, mode: 'streaming' });
  expect(end).toMatchObject({ status: 'COMPLETED', request_id: requestId });
});

test('queue.result answers the output and the number of the request', async () => {
  const { client, input } = await setupFal();
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  await client.queue.subscribeToStatus(MODEL, { requestId, pollInterval: 5 });
  const result = await client.queue.result(MODEL, { requestId });
  expect(result).toMatchObject({ requestId, data: { images: [{ content_type: 'image/png' }] } });
});

test('queue.cancel ends a live request, and is refused after the end', async () => {
  const { client, input } = await setupFal({ scenario: 'stuck' });
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  await client.queue.cancel(MODEL, { requestId });
  const again = await refusalOf(client.queue.cancel(MODEL, { requestId }));
  expect(again).toMatchObject({ status: 400, requestId, body: { status: 'ALREADY_COMPLETED' } });
  const result = await refusalOf(client.queue.result(MODEL, { requestId }));
  expect(result).toMatchObject({ status: 499, body: { error_type: 'client_cancelled' } });
});

/** The client has no validator, so this is fal's "Webhooks" page by hand. */
async function isAuthentic({ headers, bytes }: ReceivedWebhook, simulatorUrl: string) {
  const answer = await fetch(`${simulatorUrl}/fal/.well-known/jwks.json`);
  const { keys } = z
    .object({ keys: z.array(z.object({ kty: z.string(), crv: z.string(), x: z.string() })) })
    .parse(await answer.json());
  const part = (name: string) => String(headers[`x-fal-webhook-${name}`]);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const message = [part('request-id'), part('user-id'), part('timestamp'), hash].join('\n');
  const signature = Buffer.from(part('signature'), 'hex');
  return keys.some(({ kty, crv, x }) => {
    const jwk = { kty, crv, x: x.replace(/=+$/, '') };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return verify(null, Buffer.from(message), key, signature);
  });
}

test('webhookUrl is told the end, signed with a published key, over the exact body', async () => {
  const { client, input, receiver, simulator } = await setupFal();
  const webhookUrl = receiver.url;
  const { request_id } = await client.queue.submit(MODEL, { input: input(), webhookUrl });
  const webhook = await receiver.first();
  expect(webhook.body).toMatchObject({ request_id, status: 'OK', payload: { images: [{}] } });
  expect(await isAuthentic(webhook, simulator.url)).toBe(true);
  const bytes = Buffer.from(webhook.bytes.toString().replace('"OK"', '"ERROR"'));
  expect(await isAuthentic({ ...webhook, bytes }, simulator.url)).toBe(false);
  const headers = { ...webhook.headers, 'x-fal-webhook-timestamp': '1' };
  expect(await isAuthentic({ ...webhook, headers }, simulator.url)).toBe(false);
});

test('webhookUrl is told a forged end first, which no published key signed', async () => {
  const { client, input, receiver, simulator } = await setupFal();
  const webhookUrl = receiver.url;
  await client.queue.submit(MODEL, { input: input('?simulate=forged-signature'), webhookUrl });
  const webhooks = await receiver.until(2);
  const verdicts = webhooks.map((webhook) => isAuthentic(webhook, simulator.url));
  expect(await Promise.all(verdicts)).toEqual([false, true]);
});
