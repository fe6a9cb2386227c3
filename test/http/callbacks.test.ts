import { expect, test } from 'vitest';
import { createEndpoints } from '../../src/store/endpoints.ts';
import { bearer, problemOf, setup } from './setup.ts';

const ENDPOINT = 'https://shop.example.com:8443';

/** A web process, and an endpoint of the shop that fails. */
async function setupTrouble() {
  const { redis, keys, call } = await setup();
  const endpoints = createEndpoints({
    ...{ redis, keys, now: Date.now },
    settings: {
      ...{ perEndpoint: 4, perTenant: 8, leaseMs: 10_000, slowMs: 5_000, failures: 1 },
      disableAfterMs: 60_000,
    },
  });
  const about = { tenant: 'shop', endpoint: ENDPOINT, event: 'evt_1', lane: 'fast' } as const;
  const place = await endpoints.take(about, false);
  if (place.kind !== 'go') throw new Error('no place');
  const end = { result: 'failure', code: 'http_502', isOver: false, tookMs: 30 } as const;
  await endpoints.report(about, place, end);
  const list = async (tenant: 'shop' | 'rival') =>
    (await call('/v1/callbacks', { headers: bearer(tenant) })).json();
  const enable = (body: unknown, tenant: 'shop' | 'rival' = 'shop') =>
    call('/v1/callbacks/enable', {
      method: 'POST',
      headers: { ...bearer(tenant), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return { call, list, enable };
}

test('a tenant sees its own endpoints in trouble, by their origin alone', async () => {
  const { list } = await setupTrouble();
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(await list('shop')).toEqual({
    endpoints: [
      {
        endpoint: ENDPOINT,
        state: 'failing',
        since: time,
        lastFailure: { code: 'http_502', at: time },
        waiting: 1,
      },
    ],
  });
  expect(await list('rival')).toEqual({ endpoints: [] });
});

test('its tenant enables an endpoint, by its origin or any URL of it; nobody else does', async () => {
  const { list, enable } = await setupTrouble();
  const others = await enable({ endpoint: ENDPOINT }, 'rival');
  expect(await problemOf(others)).toMatchObject({ status: 404, code: 'endpoint_not_found' });
  expect((await enable({ endpoint: `${ENDPOINT}/hooks?of=ours` })).status).toBe(204);
  expect(await list('shop')).toEqual({ endpoints: [] });
  expect((await enable({ endpoint: ENDPOINT })).status).toBe(404);
});

test.each([{}, { endpoint: 'shop.example.com' }, { endpoint: 7 }, { endpoint: 'ftp://a.example' }])(
  'which endpoint is asked for where it is not said: %j',
  async (body) => {
    const { enable } = await setupTrouble();
    const problem = await problemOf(await enable(body));
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request', fields: ['endpoint'] });
  },
);

test('a stranger is told nothing, and changes nothing', async () => {
  const { call, list } = await setupTrouble();
  expect((await call('/v1/callbacks')).status).toBe(401);
  const body = JSON.stringify({ endpoint: ENDPOINT });
  expect((await call('/v1/callbacks/enable', { method: 'POST', body })).status).toBe(401);
  expect(await list('shop')).toMatchObject({ endpoints: [{ endpoint: ENDPOINT }] });
});
