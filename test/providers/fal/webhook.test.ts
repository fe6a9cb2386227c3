import { describe, expect, onTestFinished, test } from 'vitest';
import { createFal, type FalOptions } from '../../../src/providers/fal/adapter.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

/**
 * Made with OpenSSL 3.0.19 (`pkeyutl -sign -rawin`) and `sha256sum`, from the secret keys of
 * RFC 8032, 7.1, tests 1 and 2, whose public keys are these.
 */
const ID = '764cabcf-b745-4b3e-ae38-1200304cf45b';
const BODY = Buffer.from(
  `{"request_id":"${ID}","gateway_request_id":"11111111-b745-4b3e-ae38-1200304cf45b",` +
    '"status":"OK","payload":{"images":[{"url":"https://v3.fal.media/files/one.png"}]}}',
);
const SIGNED_AT = 1_795_000_000;
const KEYS = {
  first: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
  second: 'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw',
};
const SIGNATURES = {
  first:
    'e0dac8a843d85bdf76555333f84d325f5323cc0a57fcd0c9e466dab13a427e92' +
    '6513caec0c1956c873e72eb154f150bf37bb9fd830fdbee84d6c9ee720223106',
  second:
    '97dc6db89e5adaea87bdcd3b0468d3b47f42c8b21f5e874a96f3c0b2d22a74ca' +
    'a254e8e1d83e54d06faafe5d7a90d610c6ecfe5d09c3c052b4377839b03ca70b',
};

function headers(signature: string, more: Record<string, string | string[] | undefined> = {}) {
  return {
    'x-fal-webhook-request-id': ID,
    'x-fal-webhook-user-id': 'github|123',
    'x-fal-webhook-timestamp': String(SIGNED_AT),
    'x-fal-webhook-signature': signature,
    ...more,
  };
}

async function setup(keys: readonly string[], more: Partial<FalOptions> = {}) {
  const published = { keys: keys.map((x) => ({ kty: 'OKP', crv: 'Ed25519', x })) };
  const server = await loopbackServer((...raw) => always(200, published)(...raw));
  const shared = await sharedParts();
  onTestFinished(server.close);
  onTestFinished(shared.close);
  const clock = { now: SIGNED_AT * 1000 };
  const adapter = createFal({
    apiKey: 'id:secret',
    baseUrl: `${server.url}/fal`,
    webhookSecrets: [],
    ...shared,
    now: () => clock.now,
    ...more,
  });
  if (!adapter.webhook) throw new Error('fal has webhooks');
  const publish = (x: string) => published.keys.splice(0, 9, { kty: 'OKP', crv: 'Ed25519', x });
  return { server, webhook: adapter.webhook, clock, publish };
}

describe('a signature of fal', () => {
  test('is good under any of the published keys, in either case of hex', async () => {
    const { webhook } = await setup([KEYS.first, KEYS.second]);
    for (const signature of [...Object.values(SIGNATURES), SIGNATURES.first.toUpperCase()]) {
      expect(await webhook.verify?.({ headers: headers(signature), body: BODY })).toBe(true);
    }
  });

  test('is bad over other bytes, another id, another user, another time or another key', async () => {
    const { webhook } = await setup([KEYS.first]);
    const verify = (more: Record<string, string>, body = BODY, signature = SIGNATURES.first) =>
      webhook.verify?.({ headers: headers(signature, more), body });
    expect(await verify({}, Buffer.concat([BODY, Buffer.from(' ')]))).toBe(false);
    expect(await verify({ 'x-fal-webhook-request-id': 'x' })).toBe(false);
    expect(await verify({ 'x-fal-webhook-user-id': 'x' })).toBe(false);
    expect(await verify({ 'x-fal-webhook-timestamp': String(SIGNED_AT + 1) })).toBe(false);
    expect(await verify({}, BODY, SIGNATURES.second)).toBe(false);
  });

  test('is bad when a header is missing, repeated, malformed or of the wrong length', async () => {
    const { server, webhook } = await setup([KEYS.first]);
    const signature = SIGNATURES.first;
    const odd = Object.keys(headers(signature)).flatMap((name) => [
      { [name]: undefined },
      { [name]: ['a', 'b'] },
    ]);
    const signatures = [
      '',
      'x',
      signature.slice(2),
      `${signature}00`,
      `${signature}, ${signature}`,
    ];
    const times = ['', '-1', '1e9', `${SIGNED_AT}.0`, `${SIGNED_AT}, ${SIGNED_AT}`, '9'.repeat(40)];
    for (const more of [
      ...odd,
      ...signatures.map((value) => ({ 'x-fal-webhook-signature': value })),
      ...times.map((value) => ({ 'x-fal-webhook-timestamp': value })),
    ]) {
      const given = { headers: headers(signature, more), body: BODY };
      expect(await webhook.verify?.(given), JSON.stringify(more)).toBe(false);
    }
    expect(server.received).toHaveLength(0);
  });

  test('is good for five minutes, both ways, and asks for keys only then', async () => {
    const { webhook, clock, server } = await setup([KEYS.first]);
    const verify = (now: number) => {
      clock.now = now;
      return webhook.verify?.({ headers: headers(SIGNATURES.first), body: BODY });
    };
    const at = SIGNED_AT * 1000;
    expect(await verify(at + 300_001)).toBe(false);
    expect(await verify(at - 300_001)).toBe(false);
    expect(server.received).toHaveLength(0);
    expect(await verify(at + 300_000)).toBe(true);
    expect(await verify(at - 300_000)).toBe(true);
  });

  test('under a key published since is good after one refresh', async () => {
    const { webhook, clock, server, publish } = await setup([KEYS.first]);
    const second = { headers: headers(SIGNATURES.second), body: BODY };
    expect(await webhook.verify?.(second)).toBe(false);
    publish(KEYS.second);
    clock.now += 60_000;
    expect(await webhook.verify?.(second)).toBe(true);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/fal/.well-known/jwks.json',
      '/fal/.well-known/jwks.json',
    ]);
  });

  test('cannot be judged while the keys cannot be had', async () => {
    const { webhook, server } = await setup([KEYS.first]);
    await server.close();
    const given = { headers: headers(SIGNATURES.first), body: BODY };
    await expect(webhook.verify?.(given)).rejects.toMatchObject({ name: 'Retryable' });
  });

  test('is checked with the keys at the address in the options, sent no key of ours', async () => {
    const { server } = await setup([KEYS.first]);
    const { webhook } = await setup([], { jwksUrl: `${server.url}/elsewhere.json` });
    expect(await webhook.verify?.({ headers: headers(SIGNATURES.first), body: BODY })).toBe(true);
    expect(server.received[0]?.url).toBe('/elsewhere.json');
    expect(server.received[0]?.headers).not.toHaveProperty('authorization');
  });
});

describe('what a webhook of fal says', () => {
  async function reading(delivery: unknown) {
    const { webhook } = await setup([KEYS.first]);
    return webhook.read(Buffer.from(JSON.stringify(delivery)));
  }

  test('OK with its output is the outcome, under the request’s own id', async () => {
    const { webhook } = await setup([KEYS.first]);
    expect(webhook).toMatchObject({ scope: 'request', trust: 'signature' });
    expect(webhook.read(BODY)).toEqual({
      taskId: ID,
      observation: {
        kind: 'final',
        outcome: {
          verdict: 'completed',
          results: [{ kind: 'file', url: 'https://v3.fal.media/files/one.png' }],
        },
      },
    });
  });

  test.each([
    [{ detail: [{ type: 'content_policy_violation', msg: 'no' }] }, '422', 'content_policy'],
    [{ detail: [{ type: 'image_load_error', msg: 'no' }] }, '422', 'image_unreadable'],
    [{ detail: [{ type: 'value_error', msg: 'no' }] }, '422', 'invalid_input'],
    [{ detail: 'timed out', error_type: 'request_timeout' }, '504', 'provider_timed_out'],
    [{ detail: 'gone' }, '503', 'provider_error'],
    [null, '500', 'provider_error'],
    [undefined, 'x', 'provider_failed'],
  ])('ERROR with %j and %s is a failure, %s', async (payload, status, code) => {
    const error = `Invalid status code: ${status}`;
    expect(await reading({ request_id: ID, status: 'ERROR', error, payload })).toMatchObject({
      observation: { kind: 'final', outcome: { verdict: 'failed', reason: { code } } },
    });
  });

  test.each([
    { status: 'OK', payload: null, payload_error: 'Response payload is not JSON serializable' },
    { status: 'ERROR', payload: null, payload_error: 'x' },
    { status: 'OK', payload: {} },
    { status: 'OK', payload: { images: [] } },
    { status: 'SOMETHING_NEW', payload: { images: [{ url: 'https://a.example.com/a.png' }] } },
  ])('%j leaves the task live', async (delivery) => {
    expect((await reading({ request_id: ID, ...delivery })).observation.kind).toBe('live');
  });

  test.each([
    {},
    [],
    null,
    { request_id: ID },
    { gateway_request_id: ID, status: 'OK', payload: {} },
    { request_id: 'a b', status: 'OK' },
  ])('%j is malformed', async (odd) => {
    await expect(reading(odd)).rejects.toMatchObject({ code: 'malformed_webhook' });
  });
});
