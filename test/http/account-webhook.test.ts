import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { newGenerationId } from '../../src/generation/ids.ts';
import { bearer, problemOf, setup, tokenOf, type World } from './setup.ts';

const VTRYON_SECRET = 'whsec_vtryon-signing-secret';
const RESULT = 'https://cdn.vtryon.example/result.png';
const COMPLETED = JSON.stringify({
  event: 'generation.status_changed',
  task_id: 4711,
  status: 'completed',
  data: { result_url: RESULT },
});

const startWeb = () =>
  setup({
    VTRYON_API_KEY: 'vtryon-key-1234',
    VTRYON_BASE_URL: 'https://api.vtryon.example',
    VTRYON_WEBHOOK_SECRET: VTRYON_SECRET,
  });

function deliver(world: Pick<World, 'call'>, body = COMPLETED, secret = VTRYON_SECRET) {
  return world.call('/webhooks/vtryon', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-vtryon-signature': createHmac('sha256', secret).update(body).digest('hex'),
    },
    body,
  });
}

test('a delivery about a task that nobody knows is answered 200, parked, and decides nothing', async () => {
  const world = await startWeb();
  expect((await deliver(world)).status).toBe(200);
  expect(await world.completions()).toEqual([]);
  expect(await world.redis.llen(world.keys.parked('vtryon', '4711'))).toBe(1);
});

test('a delivery about a known task asks for a check: the number may be another kind of task’s', async () => {
  const world = await startWeb();
  const id = newGenerationId(Date.now());
  await world.redis.set(world.keys.task('vtryon', '4711'), id);
  expect((await deliver(world)).status).toBe(200);
  const said = { outcome: { verdict: 'completed', results: [{ kind: 'file', url: RESULT }] } };
  const event = { type: 'hint', taskId: '4711', said };
  expect(await world.completions()).toEqual([[{ id, event }]]);
});

test('the catalogue says how far each provider’s webhook is believed', async () => {
  const world = await startWeb();
  const response = await world.call('/v1/providers', { headers: bearer('shop') });
  const { providers } = (await response.json()) as { providers: Record<string, unknown>[] };
  const webhooks = Object.fromEntries(
    providers.map(({ provider, webhook }) => [provider, webhook]),
  );
  expect(webhooks).toMatchObject({
    vtryon: { scope: 'account', trust: 'signature', believed: 'if-checks-fail' },
    fashn: { scope: 'request', trust: 'hint', believed: 'never' },
  });
});

test('a forged delivery is refused, and nothing is parked', async () => {
  const world = await startWeb();
  const response = await deliver(world, COMPLETED, 'whsec_somebody-else');
  expect(await problemOf(response)).toMatchObject({ status: 401, code: 'not_authentic' });
  expect(await world.redis.exists(world.keys.parked('vtryon', '4711'))).toBe(0);
});

test('each provider has one of the two doors only', async () => {
  const world = await startWeb();
  const id = newGenerationId(Date.now());
  const path = `/webhooks/vtryon/${id}/${tokenOf('vtryon', id)}`;
  expect((await world.call(path, { method: 'POST', body: COMPLETED })).status).toBe(401);
  expect((await world.call('/webhooks/fashn', { method: 'POST', body: '{}' })).status).toBe(401);
});
