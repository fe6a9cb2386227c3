import { expect, onTestFinished, test } from 'vitest';
import { createHttpClient } from '../../src/outbound/http-client.ts';
import { createKeySet } from '../../src/outbound/jwks.ts';
import { always, loopbackServer } from '../support/loopback-server.ts';

/** The public keys of RFC 8032, 7.1, tests 1 and 2. */
const FIRST = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
const SECOND = 'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw';
const jwk = (x: string) => ({ kty: 'OKP', crv: 'Ed25519', x });

async function setup(reply: Parameters<typeof loopbackServer>[0]) {
  const server = await loopbackServer((...raw) => answer(...raw));
  let answer = reply;
  const http = createHttpClient({ timeoutMs: 2_000, maxBodyBytes: 10_000 });
  onTestFinished(server.close);
  onTestFinished(http.close);
  const clock = { now: 1_000_000 };
  const keySet = createKeySet({ http, url: `${server.url}/jwks.json`, now: () => clock.now });
  const published = async (from: 'keys' | 'refreshed') =>
    (await keySet[from]()).map((key) => key.export({ format: 'jwk' }).x);
  return { server, clock, published, reply: (next: typeof reply) => (answer = next) };
}

test('keys are fetched once a day, with or without padding', async () => {
  const { server, clock, published } = await setup(
    always(200, { keys: [jwk(`${FIRST}=`), jwk(SECOND)] }),
  );
  expect(await Promise.all([published('keys'), published('keys')])).toEqual([
    [FIRST, SECOND],
    [FIRST, SECOND],
  ]);
  expect(server.received).toHaveLength(1);
  clock.now += 24 * 3_600_000;
  await published('keys');
  expect(server.received).toHaveLength(2);
});

test('keys are asked for by their media type, by a product that names itself', async () => {
  const { server, published } = await setup(always(200, { keys: [jwk(FIRST)] }));
  await published('keys');
  expect(server.received[0]?.headers).toMatchObject({
    'user-agent': expect.stringMatching(/^catwalk\/\d/),
    accept: 'application/jwk-set+json, application/json',
  });
});

test('keys of other kinds and malformed ones are passed over', async () => {
  const odd = [
    { kty: 'RSA', n: 'x', e: 'AQAB' },
    { kty: 'OKP', crv: 'X25519', x: FIRST },
    jwk('AAAA'),
    jwk('?'),
    { kty: 'OKP', crv: 'Ed25519' },
    { kty: 7 },
    null,
  ];
  const { published } = await setup(always(200, { keys: [...odd, jwk(FIRST)] }));
  expect(await published('keys')).toEqual([FIRST]);
});

test('a refresh asks again, but not twice within a minute', async () => {
  const { server, clock, published, reply } = await setup(always(200, { keys: [jwk(FIRST)] }));
  await published('keys');
  reply(always(200, { keys: [jwk(SECOND)] }));
  expect(await published('refreshed')).toEqual([FIRST]);
  clock.now += 60_000;
  expect(await published('refreshed')).toEqual([SECOND]);
  expect(await published('refreshed')).toEqual([SECOND]);
  expect(server.received).toHaveLength(2);
});

test('a refresh that fails forgets no key', async () => {
  const { clock, published, reply, server } = await setup(always(200, { keys: [jwk(FIRST)] }));
  await published('keys');
  clock.now += 60_000;
  reply(always(503, 'x'));
  await expect(published('refreshed')).rejects.toMatchObject({ name: 'Retryable' });
  expect(await published('refreshed')).toEqual([FIRST]);
  expect(await published('keys')).toEqual([FIRST]);
  expect(server.received).toHaveLength(2);
});

test('without a usable key there is no answer, and the next delivery asks again', async () => {
  const { published, reply } = await setup(always(404, 'x'));
  for (const body of ['<html>', {}, { keys: [] }, { keys: [jwk('AAAA')] }]) {
    await expect(published('keys')).rejects.toMatchObject({ name: 'Retryable' });
    reply(always(200, body));
  }
  await expect(published('keys')).rejects.toMatchObject({ name: 'Retryable' });
  reply(always(200, { keys: [jwk(FIRST)] }));
  expect(await published('keys')).toEqual([FIRST]);
});
