import { expect } from 'vitest';
import { LINK } from '../fixture.ts';
import { meaningOf } from '../meaning.ts';
import { type Rule, ruleUnless } from '../rule.ts';
import { HTML } from '../trouble.ts';
import { openWorld } from '../world.ts';

import { listen } from './listening.ts';

const withWebhook = ruleUnless(
  ({ declares }) => declares.webhook === 'none' && 'poll-only: has no webhook',
);
/** More than the stack bears, of whatever goes down one call per level. */
const NESTED = '['.repeat(20_000) + ']'.repeat(20_000);

/** What deliveries say. */
export const hearing: readonly Rule[] = [
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
];
