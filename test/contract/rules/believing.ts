import { expect } from 'vitest';
import { type Rule, ruleUnless } from '../rule.ts';
import { HTML, reset } from '../trouble.ts';
import { openWorld, refusedBy } from '../world.ts';

import { listen } from './listening.ts';

const signed = ruleUnless(({ declares }) => {
  if (declares.webhook === 'none') return 'poll-only: has no webhook';
  return declares.signature === 'none' && 'signs nothing: the URL token admits, the body is a hint';
});
const unsigned = ruleUnless(({ declares }) => {
  if (declares.webhook === 'none') return 'poll-only: has no webhook';
  return declares.signature !== 'none' && 'its webhook is signed';
});

/** Which deliveries are believed. */
export const believing: readonly Rule[] = [
  signed('a delivery that the provider signed is authentic', async (fixture) => {
    const { verify, deliver } = await listen(fixture);
    for (const text of ['{}', '', ' {"a": 1.0}\n', '{"name":"Zoë 👗"}', '\u0000\u00ff']) {
      expect(await verify(deliver(Buffer.from(text), 'first')), text).toBe(true);
    }
  }),

  signed('while one secret replaces another, either is good', async (fixture) => {
    const { verify, deliver, body } = await listen(fixture);
    expect(await verify(deliver(body, 'first'))).toBe(true);
    expect(await verify(deliver(body, 'second'))).toBe(true);
  }),

  signed('a delivery signed by anybody else is not authentic', async (fixture) => {
    const { verify, deliver, body, webhook } = await listen(fixture);
    expect(await verify(deliver(body, 'stranger'))).toBe(false);
    for (const headers of webhook.mistaken?.(body, Date.now()) ?? []) {
      expect(await verify({ headers, body })).toBe(false);
    }
  }),

  ruleUnless(({ webhook }) => !webhook?.vector && 'nobody has published a signed delivery')(
    'a delivery that another program signed is authentic, in either case of hex',
    async (fixture) => {
      const { secret = '', body = '', headers = {} } = fixture.webhook?.vector ?? {};
      const world = await openWorld(fixture, { settings: { webhookSecrets: ['another', secret] } });
      const verify = async (value: string) =>
        world.adapter.webhook?.verify?.({
          headers: Object.fromEntries(Object.keys(headers).map((name) => [name, value])),
          body: Buffer.from(body),
        });
      for (const good of Object.values(headers)) {
        expect(await verify(good)).toBe(true);
        expect(await verify(good.toUpperCase())).toBe(true);
        expect(await verify(`sha256=${good}`)).toBe(false);
      }
    },
  ),

  signed('a body that was changed is not authentic', async (fixture) => {
    const { verify, deliver, body } = await listen(fixture);
    const { headers } = deliver(body, 'first');
    const more = Buffer.concat([body, Buffer.from(' ')]);
    const flipped = Buffer.from(body);
    flipped[flipped.length - 2] = (flipped[flipped.length - 2] ?? 0) ^ 1;
    for (const changed of [more, flipped, body.subarray(1), Buffer.from('')]) {
      expect(await verify({ headers, body: changed })).toBe(false);
    }
  }),

  signed('a body that was parsed and written again is not authentic', async (fixture) => {
    const { verify, deliver, body } = await listen(fixture);
    const spaced = Buffer.from(JSON.stringify(JSON.parse(body.toString()), undefined, 1));
    const { headers } = deliver(spaced, 'first');
    const again = Buffer.from(JSON.stringify(JSON.parse(spaced.toString())));
    expect(await verify({ headers, body: spaced })).toBe(true);
    expect(await verify({ headers, body: again })).toBe(false);
  }),

  signed(
    'a signature of another length, alphabet or kind is refused, not thrown at',
    async (fixture) => {
      const { verify, deliver, body, header } = await listen(fixture);
      const { headers } = deliver(body, 'first');
      const good = String(headers[header]);
      const odd = [
        '',
        ' ',
        good.slice(0, -1),
        good.slice(1),
        `${good}0`,
        good.slice(0, 10),
        good + good,
        good.replace(/.$/, 'é'),
        'ÿ'.repeat(good.length),
        'z'.repeat(good.length),
        '\u0000',
        'null',
        `sha256=${good}x`,
        'v1,',
        'v1',
        '%',
        '9'.repeat(10_000),
      ];
      for (const value of odd) {
        const delivery = { headers: { ...headers, [header]: value }, body };
        expect(await verify(delivery), value.slice(0, 40)).toBe(false);
      }
    },
  ),

  signed('a delivery without its signature headers is refused', async (fixture) => {
    const { verify, deliver, body } = await listen(fixture);
    const { headers } = deliver(body, 'first');
    expect(await verify({ headers: {}, body })).toBe(false);
    for (const name of Object.keys(headers)) {
      expect(await verify({ headers: { ...headers, [name]: undefined }, body }), name).toBe(false);
    }
  }),

  signed('a repeated signature header is refused, a good one in it or not', async (fixture) => {
    const { verify, deliver, body } = await listen(fixture);
    const { headers } = deliver(body, 'first');
    for (const [name, value] of Object.entries(headers)) {
      const twice = { ...headers, [name]: [String(value), String(value)] };
      expect(await verify({ headers: twice, body }), name).toBe(false);
    }
  }),

  ruleUnless(({ declares, webhook }) => {
    if (declares.webhook === 'none') return 'poll-only: has no webhook';
    if (declares.signature === 'none') return 'signs nothing';
    return webhook?.toleranceMs === undefined && 'signs no time, so none may be demanded';
  })('a delivery that was signed too long ago, or too far ahead, is refused', async (fixture) => {
    const { verify, body, webhook } = await listen(fixture);
    const { sign, toleranceMs } = webhook;
    if (!sign || toleranceMs === undefined) throw new Error('the fixture signs the time');
    for (const [away, isGood] of [
      [0.8, true],
      [-0.8, true],
      [1.2, false],
      [-1.2, false],
      [100, false],
    ] as const) {
      const headers = sign(body, 'first', Date.now() + away * toleranceMs);
      expect(await verify({ headers, body }), String(away)).toBe(isGood);
    }
  }),

  ruleUnless(({ declares, webhook }) => {
    if (declares.webhook === 'none') return 'poll-only: has no webhook';
    if (declares.signature === 'none') return 'signs nothing';
    return webhook?.toleranceMs !== undefined && 'signs the time';
  })('no time is demanded where none is signed', async (fixture) => {
    const { verify, body, webhook } = await listen(fixture);
    const headers = webhook.sign?.(body, 'first', 0) ?? {};
    expect(await verify({ headers, body })).toBe(true);
  }),

  unsigned('a delivery needs no header, and no header makes it believed', async (fixture) => {
    const { verify, support, body } = await listen(fixture);
    expect(await verify({ headers: {}, body })).toBe(true);
    expect(await verify({ headers: { 'x-signature': ['a', 'b'] }, body: Buffer.from('') })).toBe(
      true,
    );
    expect(support.trust).toBe('hint');
  }),

  ruleUnless(({ declares }) => declares.signature !== 'ed25519-jwks' && 'publishes no keys')(
    'a flood of forged deliveries is not passed on to the provider as a flood',
    async (fixture) => {
      const { world, verify, deliver, body } = await listen(fixture);
      for (let n = 0; n < 20; n++) expect(await verify(deliver(body, 'stranger'))).toBe(false);
      expect(world.sent('aside').length).toBeLessThanOrEqual(2);
    },
  ),

  ruleUnless(({ declares }) => declares.signature !== 'ed25519-jwks' && 'publishes no keys')(
    'while its keys cannot be had nobody can say, and the provider is asked to come again',
    async (fixture) => {
      for (const aside of [{ status: 500 }, { body: HTML }, reset]) {
        const { world, verify, deliver, body } = await listen(fixture);
        world.answer({ aside });
        expect(await refusedBy(verify(deliver(body, 'first')))).toMatchObject({
          name: 'Retryable',
        });
        world.answer({});
        expect(await verify(deliver(body, 'first'))).toBe(true);
      }
    },
  ),
];
