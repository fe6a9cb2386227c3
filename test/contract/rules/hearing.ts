import { expect } from 'vitest';
import {
  type Delivery,
  isAuthentic,
  type WebhookSupport,
} from '../../../src/providers/provider.ts';
import { type Fixture, LINK, type Signer, type WebhookFixture } from '../fixture.ts';
import { meaningOf } from '../meaning.ts';
import { type Rule, ruleUnless } from '../rule.ts';
import { HTML, reset } from '../trouble.ts';
import { openWorld, refusedBy } from '../world.ts';

const withWebhook = ruleUnless(
  ({ declares }) => declares.webhook === 'none' && 'poll-only: has no webhook',
);
const signed = ruleUnless(({ declares }) => {
  if (declares.webhook === 'none') return 'poll-only: has no webhook';
  return declares.signature === 'none' && 'signs nothing: the URL token admits, the body is a hint';
});
const unsigned = ruleUnless(({ declares }) => {
  if (declares.webhook === 'none') return 'poll-only: has no webhook';
  return declares.signature !== 'none' && 'its webhook is signed';
});

/** More than the stack bears, of whatever goes down one call per level. */
const NESTED = '['.repeat(20_000) + ']'.repeat(20_000);

/** Which deliveries are believed, and what they say. */
export const hearing: readonly Rule[] = [
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

  withWebhook(
    'a delivery of a finished task says which one, and that it is final',
    async (fixture) => {
      const { support, bytes, webhook } = await listen(fixture);
      const reading = support.read(bytes(webhook.body.completed(fixture.taskId(1), LINK)));
      expect(reading.taskId).toBe(fixture.taskId(1));
      expect(['final', 'live']).toContain(reading.observation.kind);
      if (reading.observation.kind === 'final') {
        expect(reading.observation.outcome).toMatchObject({ verdict: 'completed' });
      } else {
        // Final in its words, but without what is needed to believe it: the check must tell.
        expect(support.trust).not.toBe('hint');
      }
    },
  ),

  withWebhook('a delivery of a failed task says why, in our words', async (fixture) => {
    const { support, bytes, webhook } = await listen(fixture);
    const { taskId, observation } = support.read(bytes(webhook.body.failed(fixture.taskId(1))));
    expect(taskId).toBe(fixture.taskId(1));
    expect(observation).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'failed', reason: { code: webhook.failedCode } },
    });
  }),

  ruleUnless(({ declares, webhook }) => {
    if (declares.webhook === 'none') return 'poll-only: has no webhook';
    return webhook?.body.live === undefined && 'tells of the end only';
  })(
    'a delivery of a live status, also an unknown or a backward one, is a sign of life',
    async (fixture) => {
      const { support, bytes, webhook } = await listen(fixture);
      const words = fixture.statuses.flatMap(
        ({ means }) => (means.is === 'live' && means.status) || [],
      );
      for (const word of [...words, 'paused_by_moon', ...words.toReversed()]) {
        const body = webhook.body.live?.(fixture.taskId(1), word);
        expect(support.read(bytes(body)), word).toMatchObject({
          taskId: fixture.taskId(1),
          observation: { kind: 'live', status: word.toLowerCase() },
        });
      }
    },
  ),

  ruleUnless(({ webhook }) => !webhook?.readings && 'its deliveries say all there is to say')(
    'a believed delivery without its result, or about something else, decides nothing untrue',
    async (fixture) => {
      const settings = fixture.declares.trust === 'hint' ? { trust: 'token' as const } : {};
      const { webhook } = (await openWorld(fixture, { settings })).adapter;
      for (const { name, body, means } of fixture.webhook?.readings ?? []) {
        const reading = webhook?.read(Buffer.from(JSON.stringify(body)));
        expect(reading?.taskId, name).toBe(fixture.taskId(1));
        const told = reading && (await meaningOf(Promise.resolve(reading.observation)));
        expect(told, name).toEqual(means);
      }
    },
  ),

  withWebhook(
    'a delivery about a task that is not ours is read like any other',
    async (fixture) => {
      const { support, bytes, webhook } = await listen(fixture);
      for (const body of [
        webhook.body.completed(fixture.taskId(999), LINK),
        webhook.body.failed(fixture.taskId(999)),
      ]) {
        expect(support.read(bytes(body)).taskId).toBe(fixture.taskId(999));
      }
    },
  ),

  withWebhook('the same delivery reads the same every time', async (fixture) => {
    const { support, body } = await listen(fixture);
    expect(support.read(Buffer.from(body))).toEqual(support.read(Buffer.from(body)));
  }),

  withWebhook('fields that nobody documented change nothing', async (fixture) => {
    const { support, bytes, webhook } = await listen(fixture);
    const body = webhook.body.completed(fixture.taskId(1), LINK);
    const more = { unheardOf: [1, { a: null }], ...(body as object) }; // bodies are JSON objects
    expect(support.read(bytes(more))).toEqual(support.read(bytes(body)));
  }),

  withWebhook(
    'a body that is no delivery is malformed, and says nothing of itself',
    async (fixture) => {
      const { support, bytes, webhook } = await listen(fixture);
      const odd = [
        '',
        ' ',
        '{',
        HTML,
        'null',
        '[]',
        '{}',
        '17',
        '"done"',
        '\u00ff\u00fe',
        '[[[[',
        '{"id":{}}',
        `{"secret":"BODYMARK"`,
      ].map((text) => Buffer.from(text));
      for (const body of [...odd, ...(webhook.malformed ?? []).map(bytes)]) {
        const read = () => support.read(body);
        const about = body.toString().slice(0, 60);
        expect(read, about).toThrow(expect.objectContaining({ code: 'malformed_webhook' }));
        expect(read, about).not.toThrow(/BODYMARK/);
      }
    },
  ),

  withWebhook('nesting without an end, in any field, is malformed', async (fixture) => {
    const { support, webhook } = await listen(fixture);
    const body = webhook.body.completed(fixture.taskId(1), LINK) as object; // bodies are JSON objects
    for (const field of [...Object.keys(body), 'unheardOf']) {
      const text = JSON.stringify({ ...body, [field]: 'DEEP' }).replace('"DEEP"', NESTED);
      expect(JSON.parse(text), field).toBeDefined();
      const read = () => support.read(Buffer.from(text));
      expect(read, field).toThrow(expect.objectContaining({ code: 'malformed_webhook' }));
    }
  }),

  withWebhook('a task id that could lead a check astray is malformed', async (fixture) => {
    const { support, bytes, webhook } = await listen(fixture);
    for (const id of ['', '.', '..', 'a b', 'é', 'a\n', 'x'.repeat(300)]) {
      const read = () => support.read(bytes(webhook.body.failed(id)));
      expect(read, id).toThrow(expect.objectContaining({ code: 'malformed_webhook' }));
    }
  }),

  withWebhook('a delivery holds links, never a file', async (fixture) => {
    const { support, bytes, webhook } = await listen(fixture);
    const inline = 'data:image/png;base64,iVBORw0KGgo=';
    const reading = support.read(bytes(webhook.body.completed(fixture.taskId(1), inline)));
    expect(JSON.stringify(reading)).not.toContain('base64');
  }),

  withWebhook('hearing needs no call to the provider, save for its keys', async (fixture) => {
    const { world, support, verify, deliver, body } = await listen(fixture);
    await verify(deliver(body, 'first'));
    support.read(body);
    const calls = world.server.received.map((one) => fixture.exchangeOf(one));
    expect(calls.filter((exchange) => exchange !== 'aside')).toEqual([]);
    if (fixture.declares.signature !== 'ed25519-jwks') expect(calls).toEqual([]);
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

async function listen(fixture: Fixture) {
  const world = await openWorld(fixture);
  const support: WebhookSupport | undefined = world.adapter.webhook;
  const webhook: WebhookFixture | undefined = fixture.webhook;
  if (!support || !webhook) throw new Error('the adapter and its fixture have a webhook');
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  return {
    world,
    support,
    webhook,
    bytes,
    header: webhook.signatureHeader ?? 'the fixture names no signature header',
    body: bytes(webhook.body.completed(fixture.taskId(1), LINK)),
    verify: (delivery: Delivery) => isAuthentic(support, delivery),
    deliver: (body: Buffer, signer: Signer): Delivery => ({
      headers: webhook.sign?.(body, signer, Date.now()) ?? {},
      body,
    }),
  };
}
