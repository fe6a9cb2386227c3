import { createHmac } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../../simulator/index.ts';
import { isAuthentic, type WebhookSupport } from '../../../src/providers/provider.ts';
import {
  createReplicate,
  type ReplicateOptions,
} from '../../../src/providers/replicate/adapter.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

const picture = 'https://img.example.com/person.jpg';
const request = {
  model: 'google/nano-banana',
  input: { personImage: picture, garmentImages: [picture] },
  idempotencyKey: 'gen_1-1',
};
const about = { model: request.model };
const CREATED = '2026-11-21T12:00:00.000Z';
const DIES = Date.parse('2026-11-21T13:00:00.000Z');
const LINK = 'https://replicate.delivery/one.png';

async function setup(
  reply: Parameters<typeof loopbackServer>[0],
  more: Partial<ReplicateOptions> = {},
) {
  const server = await loopbackServer((...raw) => reply(...raw));
  const { close, ...shared } = await sharedParts();
  onTestFinished(() => Promise.all([server.close(), close()]).then(() => undefined));
  const settings = { apiKey: 'r8_key', baseUrl: server.url, webhookSecrets: [] };
  const adapter = createReplicate({ ...settings, ...shared, ...more });
  if (!adapter.webhook) throw new Error('Replicate has webhooks');
  return { server, adapter, webhook: adapter.webhook };
}

const prediction = (more: object) => ({
  id: 'p1',
  status: 'succeeded',
  created_at: CREATED,
  output: LINK,
  ...more,
});

test('a link says when it dies: an hour after the creation of the prediction', async () => {
  const { adapter, webhook } = await setup(always(201, prediction({})));
  const results = [{ kind: 'file', url: LINK, expiresAt: DIES }];
  const outcome = { verdict: 'completed', results };
  expect(await adapter.submit(request)).toMatchObject({ outcome });
  expect(await adapter.check({ id: 'p1' }, about)).toEqual({ kind: 'final', outcome });
  const told = webhook.read(Buffer.from(JSON.stringify(prediction({}))));
  expect(told.observation).toEqual({ kind: 'final', outcome });
});

test('a file that Replicate sent in place of a link is kept, and does not die with the others', async () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64');
  const output = [LINK, `data:image/png;base64,${png}`];
  const { adapter } = await setup(always(200, prediction({ output })));
  const seen = await adapter.check({ id: 'p1' }, about);
  const kept = expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\/files\/[0-9a-f]{40}\.png$/);
  expect(seen).toEqual({
    kind: 'final',
    outcome: {
      verdict: 'completed',
      results: [
        { kind: 'file', url: LINK, expiresAt: DIES },
        { kind: 'file', url: kept },
      ],
    },
  });
});

test.each([
  [
    'a community model is charged by its seconds',
    { version: 'abc' },
    { amount: 4.2, unit: 'seconds' },
  ],
  ['what an official one is charged is not told', { version: 'hidden' }, undefined],
])('%s', async (_title, version, charge) => {
  const { adapter } = await setup(
    always(200, prediction({ ...version, metrics: { predict_time: 4.2 } })),
  );
  const seen = await adapter.check({ id: 'p1' }, about);
  expect(seen.kind === 'final' && seen.charge).toEqual(charge);
});

test('a failure says what it cost too', async () => {
  const failed = { status: 'failed', output: null, error: 'x', metrics: { predict_time: 2 } };
  const { adapter } = await setup(always(200, prediction(failed)));
  expect(await adapter.check({ id: 'p1' }, about)).toMatchObject({
    outcome: { verdict: 'failed' },
    charge: { amount: 2, unit: 'seconds' },
  });
});

test.each([
  [undefined, undefined],
  [300_000, '310s'],
  [60_500, '71s'],
])('a patience of %s is told as the deadline %s', async (patienceMs, deadline) => {
  const { adapter, server } = await setup(always(201, { id: 'p1', status: 'starting' }));
  await adapter.submit({ ...request, patienceMs });
  expect(server.received[0]?.headers['cancel-after']).toBe(deadline);
});

test('what nobody waits for any longer is stopped at Replicate by itself', async () => {
  const simulator = await startSimulator({ scenario: 'stuck', timeScale: 0.001, seed: 1 });
  const { close, ...shared } = await sharedParts();
  onTestFinished(() => Promise.all([simulator.close(), close()]).then(() => undefined));
  const adapter = createReplicate({
    apiKey: 'r8_key',
    baseUrl: `${simulator.url}/replicate`,
    webhookSecrets: [],
    ...shared,
  });
  const pictures = { person: `${simulator.url}/assets/person.png` };
  const input = { personImage: pictures.person, garmentImages: [pictures.person] };
  const { task } = await adapter.submit({ ...request, input, patienceMs: 300_000 });
  await expect
    .poll(() => adapter.check(task, about), { timeout: 10_000 })
    .toMatchObject({ kind: 'final', outcome: { reason: { code: 'provider_timed_out' } } });
});

const KEYS = { first: Buffer.from('the first key of an account'), second: Buffer.from('another') };
const NOW = Date.parse(CREATED);

/** By hand from the Standard Webhooks specification. */
function delivery(key: Buffer) {
  const body = Buffer.from(JSON.stringify(prediction({})));
  const timestamp = String(NOW / 1_000);
  const digest = createHmac('sha256', key).update(`msg_1.${timestamp}.`).update(body);
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${digest.digest('base64')}`,
  };
  return { headers, body };
}

/** Replicate as it answers for its secret. */
async function withSecret(more: Partial<ReplicateOptions> = {}) {
  const account = { key: KEYS.first, status: 200 };
  const clock = { now: NOW };
  const { server, webhook } = await setup(
    (received, _req, res) => {
      const mayAsk = received.headers['authorization'] === 'Bearer r8_key';
      const isAsked = received.url === '/v1/webhooks/default/secret' && mayAsk;
      res.writeHead(isAsked ? account.status : 404, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ key: `whsec_${account.key.toString('base64')}` }));
    },
    { now: () => clock.now, ...more },
  );
  const isGood = (one: ReturnType<typeof delivery>, support: WebhookSupport = webhook) =>
    isAuthentic(support, one);
  return { server, account, clock, isGood };
}

test('without a secret in the settings, the account’s is asked for once', async () => {
  const { server, isGood } = await withSecret();
  const answers = [KEYS.first, KEYS.first].map((key) => isGood(delivery(key)));
  expect(await Promise.all(answers)).toEqual([true, true]);
  expect(server.received).toHaveLength(1);
});

test('a secret of the settings is the one that counts, and Replicate is not asked', async () => {
  const webhookSecrets = [`whsec_${KEYS.second.toString('base64')}`];
  const { server, isGood } = await withSecret({ webhookSecrets });
  expect(await isGood(delivery(KEYS.second))).toBe(true);
  expect(await isGood(delivery(KEYS.first))).toBe(false);
  expect(server.received).toHaveLength(0);
});

test('a secret that was replaced is asked for again, and a flood of forgeries is not answered with one of questions', async () => {
  const { server, account, clock, isGood } = await withSecret();
  expect(await isGood(delivery(KEYS.first))).toBe(true);
  account.key = KEYS.second;
  for (let forged = 0; forged < 5; forged++) {
    expect(await isGood(delivery(Buffer.from('a stranger')))).toBe(false);
  }
  expect(server.received).toHaveLength(1);
  clock.now += 60_000;
  expect(await isGood(delivery(KEYS.second))).toBe(true);
  expect(server.received).toHaveLength(2);
});

test('a delivery without a signature costs no question', async () => {
  const { server, isGood } = await withSecret();
  expect(await isGood({ ...delivery(KEYS.first), headers: {} as never })).toBe(false);
  expect(server.received).toHaveLength(0);
});

test('while the secret cannot be had, nobody can say whether a delivery is authentic', async () => {
  const { account, isGood } = await withSecret();
  account.status = 503;
  await expect(isGood(delivery(KEYS.first))).rejects.toMatchObject({ name: 'Retryable' });
  account.status = 200;
  expect(await isGood(delivery(KEYS.first))).toBe(true);
});
