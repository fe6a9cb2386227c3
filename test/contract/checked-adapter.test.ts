import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { OutcomeUnknown, Retryable, Terminal } from '../../src/generation/errors.ts';
import type { Outcome } from '../../src/generation/generation.ts';
import { assertDeclaration } from '../../src/providers/adapter-declaration.ts';
import { checkedAdapter } from '../../src/providers/checked-adapter.ts';
import type { ProviderAdapter, SubmitRequest } from '../../src/providers/provider.ts';

/**
 * Adapters that no compiler has seen: in JavaScript, or with a bug. Each is the sound one below with
 * something else in one place.
 */
const request: SubmitRequest = { model: 'dress', input: {}, idempotencyKey: 'gen_1-1' };
const task = { id: 'task-1' };
const about = { model: 'dress' };
const RESULT = { kind: 'file', url: 'https://cdn.example/1.png' } as const;
const OUTCOME: Outcome = { verdict: 'completed', results: [RESULT] };

const SOUND: ProviderAdapter = {
  name: 'acme',
  models: {},
  limits: { submits: { max: 1, perMs: 1_000 }, concurrency: 1, pollsPerSecond: 1 },
  repeatSubmit: { kind: 'search', find: async () => undefined },
  inputs: 'url',
  webhook: {
    scope: 'request',
    trust: 'signature',
    verify: () => true,
    read: () => ({ taskId: 'task-1', observation: { kind: 'missing' } }),
  },
  prepare: async () => ({ prepared: 'p', done: true }),
  submit: async () => ({ task, outcome: OUTCOME }),
  check: async () => ({ kind: 'final', outcome: OUTCOME }),
  cancel: async () => undefined,
  account: async () => ({ credits: 3 }),
};

/** The sound adapter with `changes`, which no type holds to anything. */
function odd(changes: Readonly<Record<string, unknown>>): ProviderAdapter {
  return { ...SOUND, ...changes } as ProviderAdapter; // the very thing under test
}

const broken = (changes: Readonly<Record<string, unknown>>) => checkedAdapter(odd(changes));
const answers = (value: unknown) => async () => value;
const megabytes = 'x'.repeat(10 * 1024 * 1024);
const final = (outcome: unknown) => ({ kind: 'final', outcome });
const data = (value: unknown) =>
  final({ verdict: 'completed', results: [{ kind: 'data', data: value }] });
const file = (more: object) =>
  final({ verdict: 'completed', results: [{ kind: 'file', ...more }] });

test('a sound adapter answers what it answered before', async () => {
  const checked = checkedAdapter(SOUND);
  expect(Object.keys(checked).sort()).toEqual(Object.keys(SOUND).sort());
  expect(await checked.submit(request)).toEqual({ task, outcome: OUTCOME });
  expect(await checked.check(task, about)).toEqual({ kind: 'final', outcome: OUTCOME });
  expect(await checked.prepare?.(request)).toEqual({ prepared: 'p', done: true });
  expect(await checked.account?.()).toEqual({ credits: 3 });
  expect(checked.webhook?.read(Buffer.of())).toEqual({
    taskId: 'task-1',
    observation: { kind: 'missing' },
  });
});

class Vicious {
  get kind(): string {
    throw new Error('a getter that throws');
  }
}
const circle: { self?: unknown } = {};
circle.self = circle;

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a word', 'completed'],
  ['an unknown kind', { kind: 'done' }],
  ['a live task without a word', { kind: 'live' }],
  ['a final one without an outcome', { kind: 'final' }],
  ['an unknown verdict', final({ verdict: 'won', results: [] })],
  ['results that are no list', final({ verdict: 'completed', results: 'https://a.example' })],
  ['too many results', final({ verdict: 'completed', results: Array(33).fill(RESULT) })],
  ['a link that is none', file({ url: 7 })],
  ['a link of 10 MB', file({ url: megabytes })],
  ['data of 10 MB', data(megabytes)],
  [
    'a little too much data in all',
    final({
      verdict: 'completed',
      results: Array(3).fill({ kind: 'data', data: 'x'.repeat(30_000) }),
    }),
  ],
  ['a NaN in data', data({ score: Number.NaN })],
  ['data that holds itself', data(circle)],
  ['data that JSON has no way to say', data(10n)],
  ['a failure without a reason', final({ verdict: 'failed' })],
  [
    'a reason code of 10 MB',
    final({ verdict: 'failed', reason: { code: megabytes, message: '' } }),
  ],
  ['a getter that throws', new Vicious()],
])('a check that answers %s fails by name', async (_, answer) => {
  const adapter = broken({ check: answers(answer) });
  await expect(adapter.check(task, about)).rejects.toMatchObject({
    name: 'AdapterDefect',
    code: 'adapter_defect.acme.check',
  });
});

test('words for people are cut, and decide nothing', async () => {
  const reason = { code: 'provider_failed', message: megabytes };
  const failing = broken({ check: answers(final({ verdict: 'failed', reason })) });
  const seen = await failing.check(task, about);
  expect(seen).toMatchObject({ outcome: { verdict: 'failed', reason: { code: reason.code } } });
  expect(JSON.stringify(seen).length).toBeLessThan(1_200);
  const live = broken({ check: answers({ kind: 'live', status: megabytes }) });
  expect(JSON.stringify(await live.check(task, about)).length).toBeLessThan(120);
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['no task', {}],
  ['an empty task id', { task: { id: '' } }],
  ['a task id of 10 MB', { task: { id: megabytes } }],
  ['a task id that is no text', { task: { id: 7 } }],
])('a submission that answers %s names no task, and fails by name', async (_, answer) => {
  const failure = await broken({ submit: answers(answer) })
    .submit(request)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'adapter_defect.acme.submit', task: undefined });
});

test('an outcome that cannot be understood does not cost the task that can', async () => {
  const outcome = { verdict: 'completed', results: [{ kind: 'file', url: megabytes }] };
  const failure = await broken({ submit: answers({ task, outcome }) })
    .submit(request)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'adapter_defect.acme.submit', task });
});

test.each<[string, unknown]>([
  ['of 10 MB', megabytes],
  ['of null', null],
  ['that is no text', { status: 'https://api.example/1' }],
])('a handle %s fails by name, and does not cost the task that was paid for', async (_, handle) => {
  const odd = { ...task, handle };
  const find = answers(odd);
  const adapter = broken({
    submit: answers({ task: odd, outcome: OUTCOME }),
    repeatSubmit: { kind: 'search', find },
  });
  const { repeatSubmit } = adapter;
  if (repeatSubmit.kind !== 'search') throw new Error('it can be searched');
  for (const [name, call] of Object.entries({
    submit: () => adapter.submit(request),
    find: () => repeatSubmit.find(request),
  })) {
    const failure = await call().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: `adapter_defect.acme.${name}`, task });
  }
});

test('a handle may hold as large an outcome as there may be', async () => {
  // Segmind's holds it, where it is all that is left after a crash.
  const results = Array(32).fill({ kind: 'file', url: `https://a.example/${'x'.repeat(8_174)}` });
  const outcome = { verdict: 'completed', results };
  const answer = { task: { ...task, handle: JSON.stringify(outcome) }, outcome };
  expect(await broken({ submit: answers(answer) }).submit(request)).toEqual(answer);
});

test.each<[string, unknown]>([
  ['null', null],
  ['a number', 7],
  ['10 MB', megabytes],
])('a content type of %s is none, and does not cost the file', async (_, contentType) => {
  const adapter = broken({ check: answers(file({ url: RESULT.url, contentType })) });
  expect(await adapter.check(task, about)).toEqual(final(OUTCOME));
});

test.each<[string, unknown]>([
  ['null', null],
  ['no', false],
  ['an empty task', {}],
])('a search that answers %s proves nothing', async (_, answer) => {
  const { repeatSubmit } = broken({ repeatSubmit: { kind: 'search', find: answers(answer) } });
  if (repeatSubmit.kind !== 'search') throw new Error('it can be searched');
  await expect(repeatSubmit.find(request)).rejects.toMatchObject({
    code: 'adapter_defect.acme.find',
  });
});

test('what prepares and what is left to spend are held to their shapes', async () => {
  for (const step of [{}, { prepared: 7, done: true }, { prepared: megabytes, done: false }]) {
    await expect(broken({ prepare: answers(step) }).prepare?.(request)).rejects.toMatchObject({
      code: 'adapter_defect.acme.prepare',
    });
  }
  for (const left of [null, { credits: Number.NaN }, { requestsLeft: 'many' }]) {
    await expect(broken({ account: answers(left) }).account?.()).rejects.toMatchObject({
      code: 'adapter_defect.acme.account',
    });
  }
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 1e300, 8.64e15, '5', null])(
  'a wait of %s is no wait, and "certainly not accepted" stands',
  async (retryAfterMs) => {
    const thrown = new Retryable('rate_limited', 'later', {
      retryAfterMs: retryAfterMs as number,
      met: 'http_429',
    });
    const calls = broken({
      submit: () => Promise.reject(thrown),
      check: () => Promise.reject(thrown),
    });
    for (const [name, call] of Object.entries({
      submit: calls.submit(request),
      check: calls.check(task, about),
    })) {
      await expect(call).rejects.toMatchObject({
        name: 'Retryable',
        code: 'rate_limited',
        retryAfterMs: undefined,
        met: 'http_429',
        cause: { code: `adapter_defect.acme.${name}` },
      });
    }
  },
);

test('errors that say what they may are passed on as they are', async () => {
  const ifItLasts = new Terminal('image_unreadable', 'no picture');
  for (const thrown of [
    new Retryable('rate_limited', 'later', { retryAfterMs: 24 * 3_600_000 }),
    new Retryable('image_unavailable', 'no', { ifItLasts }),
    new Terminal('invalid_input', 'no'),
    new OutcomeUnknown('no_answer', 'who knows'),
    new TypeError('a bug'),
  ]) {
    const { submit } = broken({ submit: () => Promise.reject(thrown) });
    expect(await submit(request).catch((error: unknown) => error)).toBe(thrown);
  }
});

test('a refusal of an odd kind is still a refusal, with a reason that a record bears', async () => {
  const passing = new Retryable('busy' as 'unavailable', 'later');
  const lasting = broken({ submit: () => Promise.reject(passing) });
  await expect(lasting.submit(request)).rejects.toMatchObject({
    name: 'Retryable',
    code: 'unavailable',
  });
  const refusing = broken({ submit: () => Promise.reject(new Terminal(megabytes, megabytes)) });
  const refused: unknown = await refusing.submit(request).catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: 'Terminal', code: 'provider_rejected' });
  expect((refused as Terminal).message).toHaveLength(1_000);
});

const hearing = (changes: object) => broken({ webhook: { ...SOUND.webhook, ...changes } }).webhook;

test.each<[string, unknown, unknown]>([
  ['nothing', undefined, undefined],
  ['no task', { observation: { kind: 'missing' } }, undefined],
  ['a task and no observation', { taskId: '7' }, { id: '7' }],
  ['a task and 10 MB', { taskId: '7', ...{ observation: data(megabytes) } }, { id: '7' }],
])(
  'a delivery that is read as %s fails by name, with the task if it is known',
  (_, read, known) => {
    const code = 'adapter_defect.acme.read';
    expect(() => hearing({ read: () => read })?.read(Buffer.of())).toThrow(
      expect.objectContaining({ code, task: known }),
    );
  },
);

test('a promise is no reading, and ends no process when nobody waits for it', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const read = () => Promise.reject(new Error('nobody waits'));
  expect(() => hearing({ read })?.read(Buffer.of())).toThrow(
    expect.objectContaining({ code: 'adapter_defect.acme.read' }),
  );
  // Node tells of rejections that nobody took after the turn in which they happened.
  await turn();
  expect(unhandled).toEqual([]);
});

test('a bug while a delivery is read is named too', () => {
  const read = () => {
    throw new TypeError('a bug');
  };
  expect(() => hearing({ read })?.read(Buffer.of())).toThrow(
    expect.objectContaining({ code: 'adapter_defect.acme.read', task: undefined }),
  );
});

test.each([1, 'yes', {}, undefined])('verified as %j is not verified', async (verdict) => {
  const delivery = { headers: {}, body: Buffer.of() };
  expect(await hearing({ verify: () => verdict })?.verify?.(delivery)).toBe(false);
  expect(await hearing({ verify: () => Promise.resolve(true) })?.verify?.(delivery)).toBe(true);
});

test.each<[string, Record<string, unknown>]>([
  ['repeatSubmit', { repeatSubmit: 'none' }],
  ['repeatSubmit.find', { repeatSubmit: { kind: 'search' } }],
  ['repeatSubmit.keyLifetimeMs', { repeatSubmit: { kind: 'idempotency-key' } }],
  [
    'repeatSubmit.keyLifetimeMs',
    { repeatSubmit: { kind: 'idempotency-key', keyLifetimeMs: Number.NaN } },
  ],
  ['webhook.verify', { webhook: { scope: 'request', trust: 'signature', read: () => ({}) } }],
  ['webhook.scope', { webhook: { scope: 'account', trust: 'hint', read: () => ({}) } }],
  ['webhook.verify', { webhook: { ...SOUND.webhook, trust: 'hint' } }],
  ['limits.pollsPerSecond', { limits: { ...SOUND.limits, pollsPerSecond: Number.NaN } }],
  ['limits.concurrency', { limits: { ...SOUND.limits, concurrency: 0 } }],
  ['models.dress.poll.everyMs', { models: { dress: { poll: { everyMs: Number.NaN } } } }],
  ['submit', { submit: undefined }],
  ['name', { name: 'A b' }],
])('an adapter whose %s cannot be is refused when it is built, and named', (part, changes) => {
  expect(() => assertDeclaration('acme', odd(changes))).toThrow(
    expect.objectContaining({
      name: 'InvalidProviderSettings',
      message: expect.stringContaining(`acme: its adapter cannot be: ${part}:`),
    }),
  );
  assertDeclaration('acme', SOUND);
});
