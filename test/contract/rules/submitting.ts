import { expect } from 'vitest';
import type { SubmitRequest } from '../../../src/providers/provider.ts';
import type { Received } from '../../support/loopback-server.ts';
import {
  type Fixture,
  fileOf,
  IMAGES,
  REFERENCE,
  type Sample,
  type WireRequest,
} from '../fixture.ts';
import { meaningOf } from '../meaning.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { HTML, reset } from '../trouble.ts';
import {
  KEY,
  openWorld,
  pictureAt,
  refusedBy,
  taskSample,
  WEBHOOK_URL,
  type World,
} from '../world.ts';

/** What a submission looks like on the wire, and what an accepted one means. */
export const submitting: readonly Rule[] = [
  rule(
    'every model’s request has the documented method, path and body, options included',
    async (fixture) => {
      for (const sample of fixture.samples) {
        const { sent } = await submitted(fixture, sample);
        await expectWire(sent, sample.sends, sample.model);
      }
    },
  ),

  rule('a submission is one request, with the key that the provider gave us', async (fixture) => {
    for (const sample of fixture.samples) {
      const { world, sent } = await submitted(fixture, sample);
      expect(world.sent('submit')).toHaveLength(1);
      expect(sent.headers).toMatchObject(fixture.auth);
    }
  }),

  rule('every call says who makes it, and which answers it can read', async (fixture) => {
    for (const sample of fixture.samples) {
      const { world } = await submitted(fixture, sample);
      // Whatever it is answered.
      if (!sample.inline) await world.check(await world.begin(), sample.model).catch(() => {});
      expect(world.server.received.length).toBeGreaterThan(0);
      for (const { headers } of world.server.received) {
        expect(headers['user-agent']).toMatch(/^catwalk\/\d+\.\d+\.\d+/);
        expect(headers.accept).toMatch(/^application\/json$|^\*\/\*$/);
      }
    }
  }),

  ruleUnless(noRequestScope)(
    'the webhook URL is where the provider looks for it, unchanged',
    async (fixture) => {
      for (const url of [WEBHOOK_URL, `${WEBHOOK_URL}?a=b&c=d%20e#f`]) {
        const { sent } = await submitted(fixture, fixture.samples[0], { webhookUrl: url });
        expect(fixture.webhook?.urlIn(sent)).toBe(url);
        const { asks } = fixture.webhook ?? {};
        if (asks) expect(JSON.parse(sent.body)).toMatchObject(asks);
      }
    },
  ),

  ruleUnless(({ ownWords }) => !ownWords && 'its models need no words')(
    'a picture for which the app has no words is sent with words of ours',
    async (fixture) => {
      const [{ model, input }] = fixture.samples;
      const sample = { model, input: { ...input, prompt: undefined }, sends: { path: '' } };
      const { sent } = await submitted(fixture, sample);
      expect(fixture.ownWords?.(sent)).toMatch(/dress the person/i);
    },
  ),

  rule('no webhook URL is sent when there is none to send', async (fixture) => {
    const { sent } = await submitted(fixture, fixture.samples[0]);
    expect(fixture.webhook?.urlIn(sent)).toBeUndefined();
    expect(`${sent.url} ${sent.body}`).not.toMatch(/\bundefined\b/);
  }),

  ruleUnless((f) => f.declares.webhook === 'request' && 'takes a URL per request')(
    'a URL that the provider cannot be told is not sent to it',
    async (fixture) => {
      const { world } = await submitted(fixture, fixture.samples[0], { webhookUrl: WEBHOOK_URL });
      for (const { url, body } of world.server.received) {
        expect(decodeURIComponent(url)).not.toContain('catwalk.example.com');
        expect(body).not.toContain('catwalk.example.com');
      }
    },
  ),

  ruleUnless(noReference)(
    'a repeat of a submission carries the same reference',
    async (fixture) => {
      const world = await openWorld(fixture);
      const request = await world.prepared(world.request());
      await world.adapter.submit(request);
      await world.adapter.submit(request);
      await world.adapter.submit({ ...request, idempotencyKey: `${KEY.slice(0, -1)}2` });
      const [first, again, other] = world.sent('submit').map((sent) => fixture.referenceIn?.(sent));
      expect(first).toBe(KEY);
      expect(again).toBe(first);
      expect(other).not.toBe(first);
    },
  ),

  rule('a repeat of a submission is the same request, byte for byte', async (fixture) => {
    const world = await openWorld(fixture);
    const request = await world.prepared(
      world.request(fixture.samples[0], { webhookUrl: WEBHOOK_URL }),
    );
    await world.adapter.submit(request);
    await world.adapter.submit(request);
    const [first, again] = await Promise.all(world.sent('submit').map(contentOf));
    expect(again).toEqual(first);
  }),

  ruleUnless((f) => f.declares.repeatSubmit !== 'none' && 'has a reference for repeats')(
    'no reference is sent to a provider that would not heed it',
    async (fixture) => {
      const { world } = await submitted(fixture, fixture.samples[0]);
      for (const { url, headers, body } of world.server.received) {
        expect(headers).not.toHaveProperty('idempotency-key');
        expect(`${url} ${JSON.stringify(headers)} ${body}`).not.toContain(KEY);
      }
    },
  ),

  rule('an accepted submission names the task as the provider does', async (fixture) => {
    for (const n of [1, 2]) {
      const task = await (await openWorld(fixture)).begin(fixture.taskId(n));
      expect(task.id).toBe(fixture.taskId(n));
    }
  }),

  rule('an accepted submission that names no task is an unknown outcome', async (fixture) => {
    for (const body of [{}, [], null, { unexpected: 'shape' }, 'accepted', 17]) {
      const world = await openWorld(fixture, {
        script: { submit: { body: JSON.stringify(body) } },
      });
      const request = await world.prepared(world.request(taskSample(fixture)));
      const meaning = await meaningOf(world.adapter.submit(request));
      expect(meaning, JSON.stringify(body)).toMatchObject({ is: 'OutcomeUnknown' });
    }
  }),

  ruleUnless((f) => !f.declares.inline && 'never answers a submission with the result')(
    'a result that answers the submission is taken at once',
    async (fixture) => {
      for (const sample of fixture.samples) {
        if (!sample.inline) continue;
        const world = await openWorld(fixture, { script: { submit: sample.inline } });
        const request = await world.prepared(world.request(sample));
        const answer = await world.adapter.submit(request);
        expect(answer.task.id).not.toBe('');
        expect(answer.outcome).toMatchObject({ verdict: 'completed' });
        expect(JSON.stringify(answer)).not.toMatch(/data:[a-z]+\//i);
      }
    },
  ),

  ruleUnless(onlyModel)('an unknown model is refused, and nothing is sent', async (fixture) => {
    const world = await openWorld(fixture);
    for (const model of ['no-such-model', 'constructor', '__proto__', '../account']) {
      const request = { ...world.request(), model };
      const step = world.adapter.prepare?.(request) ?? world.adapter.submit(request);
      expect(await refusedBy(step), model).toMatchObject({ name: 'Terminal' });
    }
    expect(world.sent('submit')).toHaveLength(0);
  }),

  rule(
    'a recorded input that its model no longer accepts is refused before it costs',
    async (fixture) => {
      const world = await openWorld(fixture);
      for (const { model, input } of fixture.samples) {
        const odd = { model, input: { ...input, unheardOf: 1 }, idempotencyKey: KEY };
        const attempt = world.prepared(odd).then((ready) => world.adapter.submit(ready));
        expect(await refusedBy(attempt)).toMatchObject({ name: 'Terminal', code: 'invalid_input' });
      }
      expect(world.sent('submit')).toHaveLength(0);
    },
  ),

  ruleUnless((f) => !f.staleToken && 'its key does not expire')(
    'trouble in getting a token is passing trouble: nothing was submitted',
    async (fixture) => {
      for (const [aside, code] of [
        [{ status: 500 }, 'unavailable'],
        [{ body: HTML }, 'unavailable'],
        [{ status: 401, body: {} }, 'unauthorized'],
        [reset, 'unavailable'],
      ] as const) {
        const world = await openWorld(fixture, { script: { aside } });
        const request = world.request(taskSample(fixture));
        const call = async () => world.adapter.submit(await world.prepared(request));
        expect(await meaningOf(call())).toMatchObject({ is: 'Retryable', code });
        expect(world.sent('submit')).toHaveLength(0);
      }
    },
  ),
];

export async function submitted(
  fixture: Fixture,
  sample: Sample,
  more: Partial<SubmitRequest> = {},
) {
  const script = sample.inline ? { submit: sample.inline } : {};
  const world = await openWorld(fixture, { script });
  await world.adapter.submit(await world.prepared(world.request(sample, more)));
  return { world, sent: only(world) };
}

function only(world: World): Received {
  const [sent] = world.sent('submit');
  if (!sent) throw new Error('No submission was sent');
  return sent;
}

export async function expectWire(
  sent: Received,
  expected: WireRequest,
  about: string,
): Promise<void> {
  const { method, path, query, json, form } = await contentOf(sent);
  expect(method, about).toBe(expected.method ?? 'POST');
  expect(path, about).toBe(expected.path);
  expect(query, about).toEqual(expected.query ?? {});
  if (expected.json !== undefined) {
    expect(json, about).toEqual(named(expected.json));
    expect(sent.headers['content-type'], about).toMatch(/^application\/json/);
  }
  if (expected.form !== undefined) {
    expect(form, about).toEqual(named(expected.form));
    expect(sent.headers, about).toHaveProperty('content-length');
  }
}

/** What a request says, without what changes from one sending to the next. */
async function contentOf({ method, url, headers, body, bytes }: Received) {
  const { pathname, searchParams } = new URL(url, 'http://stand-in');
  const about = { method, path: pathname, query: Object.fromEntries(searchParams) };
  const type = headers['content-type'] ?? '';
  if (!type.startsWith('multipart/')) return { ...about, json: JSON.parse(body), form: undefined };
  const form: Record<string, unknown> = {};
  const parsed = await new Response(new Uint8Array(bytes), {
    headers: { 'content-type': type },
  }).formData();
  for (const name of new Set(parsed.keys())) {
    const values = parsed.getAll(name).map(async (value) => {
      if (typeof value === 'string') return value;
      expect(value.type).toBe('image/png');
      expect(value.name).toMatch(/^[\w-]+\.png$/);
      return fileNamed(Buffer.from(await value.arrayBuffer()));
    });
    const all = await Promise.all(values);
    form[name] = all.length === 1 ? all[0] : all;
  }
  return { ...about, json: undefined, form };
}

/** Which picture this is, byte for byte; pictures end in their URLs. */
function fileNamed(bytes: Buffer): string {
  const url = Object.values(IMAGES).find((one) => bytes.equals(pictureAt(one)));
  return url ? fileOf(url) : 'no picture that was asked for';
}

/** With our key in place of its placeholder. */
function named(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(REFERENCE, KEY));
}

function noRequestScope({ declares }: Fixture) {
  if (declares.webhook === 'none') return 'poll-only: has no webhook';
  return declares.webhook === 'account' && 'its webhook URL is set in the dashboard';
}

function onlyModel({ samples, knowsItsModel }: Fixture) {
  return (
    !knowsItsModel &&
    new Set(samples.map(({ model }) => model)).size === 1 &&
    'has one model: its name chooses nothing'
  );
}

function noReference({ declares }: Fixture) {
  return declares.repeatSubmit === 'none' && 'knows no reference for repeats';
}
