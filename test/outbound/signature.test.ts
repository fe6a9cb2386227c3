import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  deliveryToken,
  safeEqual,
  signStandard,
  verifyDeliveryToken,
  verifyHexHmac,
  verifyStandard,
} from '../../src/outbound/signature.ts';

describe('hex HMAC of the body', () => {
  const body = Buffer.from('{"id":"job_1","status":"completed"}');
  // printf '%s' '{"id":"job_1","status":"completed"}' | openssl dgst -sha256 -hmac 'whsec_dGVzdCBrZXkgb25l'
  const first = '3ede6aebb4882cb4c0bd33048c0ac18cacc197b3cd887fd4e7ba2ecf16f4c600';
  // … -hmac 'whsec_second'
  const second = 'ac8347051f03e1f8ce24fd0624fe2d9444077ab292ba14ad884190533e4406b9';
  const secrets = ['whsec_dGVzdCBrZXkgb25l', 'whsec_second'];

  test('is keyed with the literal secret, prefix and all', () => {
    expect(verifyHexHmac({ secrets: secrets.slice(0, 1), body, signature: first })).toBe(true);
    expect(verifyHexHmac({ secrets: secrets.slice(0, 1), body, signature: second })).toBe(false);
  });

  test('is accepted from either secret during rotation, in either case', () => {
    for (const signature of [first, second, first.toUpperCase()]) {
      expect(verifyHexHmac({ secrets, body, signature })).toBe(true);
    }
  });

  test('covers every byte of the body', () => {
    const changed = Buffer.concat([body, Buffer.from(' ')]);
    expect(verifyHexHmac({ secrets, body: changed, signature: first })).toBe(false);
  });

  test('is not authentic when missing, repeated, prefixed or of another length', () => {
    const odd = [
      undefined,
      '',
      [first, first],
      [],
      `sha256=${first}`,
      first.slice(2),
      `${first}00`,
    ];
    for (const signature of [...odd, `${first}\n`, first.replace('3', 'g')]) {
      expect(verifyHexHmac({ secrets, body, signature })).toBe(false);
    }
  });

  test('is never authentic without a secret, or with an empty one', () => {
    // Python: hmac.new(b'', body, hashlib.sha256).hexdigest()
    const signature = 'cb213fcf63b9256c3fd51f2f6ffe29df3ad3796530a1bff3cf8fcfb5f678ba31';
    expect(verifyHexHmac({ secrets: [], body, signature })).toBe(false);
    expect(verifyHexHmac({ secrets: [''], body, signature })).toBe(false);
  });

  test('survives garbage of any length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (signature) => {
        expect(verifyHexHmac({ secrets, body, signature })).toBe(false);
      }),
    );
  });
});

describe('Standard Webhooks', () => {
  // Published example: Svix documentation, "Verifying webhooks manually"; openssl agrees.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
  const body = '{"test": 2432232314}';
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  const at = 1_614_265_330;
  const other = `whsec_${Buffer.from('another secret of 24 byt').toString('base64')}`;
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': signature,
  };
  const check = { secrets: [secret], headers, body, now: at * 1000 };

  test('signs as the published example does', () => {
    expect(signStandard({ id, timestampSeconds: at, body, secrets: [secret] })).toBe(signature);
  });

  test('is accepted by the reference library, with either secret of a rotation', () => {
    const now = Math.floor(Date.now() / 1000);
    const both = signStandard({ id, timestampSeconds: now, body, secrets: [other, secret] });
    for (const held of [secret, other]) {
      const sent = { ...headers, 'webhook-timestamp': String(now), 'webhook-signature': both };
      expect(new Webhook(held).verify(body, sent)).toEqual({ test: 2432232314 });
    }
  });

  test('accepts what the reference library signs', () => {
    const now = new Date();
    const sent = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, now, body),
    };
    expect(
      verifyStandard({ secrets: [other, secret], headers: sent, body, now: now.getTime() }),
    ).toBe(true);
  });

  test('accepts one good signature among others, and any live secret', () => {
    const listed = `v1a,abc v1,AAAA ${signature} v2,x`;
    const many = { ...headers, 'webhook-signature': listed };
    expect(verifyStandard({ ...check, headers: many, secrets: [other, secret] })).toBe(true);
    expect(verifyStandard({ ...check, headers: many, secrets: [other] })).toBe(false);
  });

  test('accepts five minutes either way and no more', () => {
    for (const [seconds, expected] of [
      [300, true],
      [301, false],
      [-300, true],
      [-301, false],
    ] as const) {
      expect(verifyStandard({ ...check, now: (at + seconds) * 1000 })).toBe(expected);
    }
  });

  test('refuses another id, timestamp or body', () => {
    expect(verifyStandard({ ...check, body: `${body} ` })).toBe(false);
    const another = { ...headers, 'webhook-id': 'msg_x' };
    expect(verifyStandard({ ...check, headers: another })).toBe(false);
    const later = { ...headers, 'webhook-timestamp': String(at + 1) };
    expect(verifyStandard({ ...check, headers: later })).toBe(false);
  });

  test('is not authentic when a header is missing, repeated or garbage', () => {
    const repeated = [signature, signature];
    for (const name of Object.keys(headers)) {
      for (const value of [undefined, '', repeated, 'v1,', '1e9', ' ', 'v1', '-5', 'é']) {
        expect(verifyStandard({ ...check, headers: { ...headers, [name]: value } })).toBe(false);
      }
    }
    const none = ['', 'whsec_', 'not base64!', 'whsec_é'];
    expect(verifyStandard({ ...check, secrets: none })).toBe(false);
    expect(verifyStandard({ ...check, headers: {} })).toBe(false);
  });

  test('cannot be signed with an id that holds a dot, or with a secret that is none', () => {
    const message = { id, timestampSeconds: at, body };
    expect(() => signStandard({ ...message, id: 'a.b', secrets: [secret] })).toThrow();
    expect(() => signStandard({ ...message, secrets: [] })).toThrow();
    expect(() => signStandard({ ...message, secrets: ['whsec_'] })).toThrow();
  });
});

describe('a delivery token', () => {
  const generationId = 'gen_01JZZZZZZZZZZZZZZZZZZZZZZZ';
  // printf '%s' fashn/gen_01JZZZZZZZZZZZZZZZZZZZZZZZ | openssl dgst -sha256 -hmac delivery-secret -binary
  //   | head -c 20 | base64 | tr '+/' '-_' | tr -d '='
  const token = 'lG497MLqOTepElg4i0U_dMRKfd4';

  const delivery = { provider: 'fashn', generationId, token };

  test('is 160 bits of HMAC-SHA256 in base64url', () => {
    expect(deliveryToken('delivery-secret', 'fashn', generationId)).toBe(token);
  });

  test('belongs to one provider and generation, under any live secret', () => {
    const secrets = ['new-secret', 'delivery-secret'];
    expect(verifyDeliveryToken(secrets, delivery)).toBe(true);
    const another = { ...delivery, generationId: `${generationId}0` };
    expect(verifyDeliveryToken(secrets, another)).toBe(false);
    expect(verifyDeliveryToken(secrets, { ...delivery, provider: 'fitinview' })).toBe(false);
    expect(verifyDeliveryToken(['new-secret'], delivery)).toBe(false);
    expect(verifyDeliveryToken([], delivery)).toBe(false);
    const empty = { ...delivery, token: deliveryToken('', 'fashn', generationId) };
    expect(verifyDeliveryToken([''], empty)).toBe(false);
  });

  test('is compared whole: no other spelling of it passes', () => {
    const longer = [`${token}=`, `${token}A`];
    for (const odd of ['', token.slice(1), ...longer, token.toLowerCase(), 'é'.repeat(27)]) {
      expect(verifyDeliveryToken(['delivery-secret'], { ...delivery, token: odd })).toBe(false);
    }
  });
});

test('comparing survives every length', () => {
  expect(safeEqual('', '')).toBe(true);
  expect(safeEqual('a', Buffer.from('a'))).toBe(true);
  expect(safeEqual('a', 'ab')).toBe(false);
  expect(safeEqual('', 'a'.repeat(100_000))).toBe(false);
});
