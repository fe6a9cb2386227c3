import { expect, test } from 'vitest';
import { Retryable } from '../../src/generation/errors.ts';
import { createFashn } from '../../src/providers/fashn/adapter.ts';
import type { ProviderFactory } from '../../src/providers/provider-settings.ts';
import { PROVIDER_FACTORIES } from '../../src/providers/registry.ts';
import { redrive } from '../support/operations.ts';
import { type Pipeline, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/**
 * An adapter with a bug, in the real pipeline: what it answers about one generation must cost that
 * generation's own step, and nothing of the others that travel with it.
 */
interface Oddities {
  /** In place of the answers about generations that are marked; called with the true one. */
  readonly submit?: (task: { id: string }) => unknown;
  readonly check?: (nth: number, mark: string) => unknown;
  readonly read?: (taskId: string) => unknown;
}

/** FASHN's adapter, except for what is said of marked generations. */
function oddFashn({ submit, check, read }: Oddities): ReadonlyMap<string, ProviderFactory> {
  // The web process has an adapter of its own, and both speak of the same tasks.
  const marks = new Map<string, string>();
  const checks = new Map<string, number>();
  const create: ProviderFactory = (options) => {
    const sound = createFashn(options);
    const { webhook } = sound;
    if (!webhook) throw new Error('FASHN has webhooks');
    const odd = {
      ...sound,
      submit: async (request: Parameters<typeof sound.submit>[0]) => {
        const answer = await sound.submit(request);
        const mark = /odd=(\w+)/.exec(JSON.stringify(request.input))?.[1];
        if (mark === undefined) return answer;
        marks.set(answer.task.id, mark);
        return submit ? submit(answer.task) : answer;
      },
      check: async (...asked: Parameters<typeof sound.check>) => {
        const { id } = asked[0];
        const mark = marks.get(id);
        const nth = (checks.get(id) ?? 0) + 1;
        checks.set(id, nth);
        const said = mark === undefined ? undefined : check?.(nth, mark);
        if (said instanceof Error) throw said;
        return said ?? sound.check(...asked);
      },
      webhook: {
        ...webhook,
        read: (body: Buffer) => {
          const reading = webhook.read(body);
          return read && marks.has(reading.taskId) ? read(reading.taskId) : reading;
        },
      },
    };
    return odd as typeof sound; // not what it says: that is the bug
  };
  return new Map([...PROVIDER_FACTORIES, ['fashn', create]]);
}

async function requestMarked(pipeline: Pipeline, mark: string): Promise<string> {
  const body = pipeline.bodyOf('fashn');
  const personImage = `${body.input.personImage}&odd=${mark}`;
  const response = await pipeline.post({ ...body, input: { ...body.input, personImage } });
  expect(response.status).toBe(202);
  return ((await response.json()) as { id: string }).id; // our own API's answer
}

/** Marked generations among sound ones, each asked for at the same moment. */
async function requestAmongSound(pipeline: Pipeline, ...marks: string[]) {
  const [odd, sound] = await Promise.all([
    Promise.all(marks.map((mark) => requestMarked(pipeline, mark))),
    Promise.all(Array.from({ length: 8 }, () => pipeline.request('fashn'))),
  ]);
  return { odd, sound };
}

/** The codes of what was logged for somebody to look at. */
function loudCodes({ lines }: Pipeline): Set<unknown> {
  const errors = lines.filter(({ level }) => level === 50);
  return new Set(errors.map(({ err }) => (err as { code?: unknown } | undefined)?.code)); // pino's
}

const HUGE = {
  verdict: 'completed',
  results: [{ kind: 'file', url: `https://cdn.example/${'x'.repeat(10 * 1024 * 1024)}` }],
};

/** By mark: what a check answers at first. */
const CHECKS: Readonly<Record<string, unknown>> = {
  huge: { kind: 'final', outcome: HUGE },
  shapeless: { kind: 'final', outcome: { verdict: 'completed', results: 'https://a.example' } },
  number: 7,
  nan: new Retryable('unavailable', 'later', { retryAfterMs: Number.NaN }),
  never: new Retryable('unavailable', 'later', { retryAfterMs: Number.POSITIVE_INFINITY }),
  absurd: new Retryable('unavailable', 'later', { retryAfterMs: 1e300 }),
};

test('a status check that cannot be understood is a failed poll, and harms no other of its round', async () => {
  const check = (nth: number, mark: string) => (nth <= 2 ? CHECKS[mark] : undefined);
  const pipeline = await setupPipeline({ webhooks: false, factories: oddFashn({ check }) });
  const { odd, sound } = await requestAmongSound(pipeline, ...Object.keys(CHECKS));
  const shown = await pipeline.untilSettled([...odd, ...sound]);
  expect(shown.map(({ status }) => status)).toEqual(shown.map(() => 'completed'));
  expect(pipeline.events).toHaveLength(shown.length);
  expect(await pipeline.failedJobs()).toBe(0);
  expect(loudCodes(pipeline)).toEqual(new Set(['adapter_defect.fashn.check']));
});

test('an adapter whose checks are broken for good gives up only what it was asked about', async () => {
  const pipeline = await setupPipeline({
    webhooks: false,
    patience: { giveUpAfterMs: 1_000 },
    env: { CHECK_PATIENCE_MS: '1000' },
    factories: oddFashn({ check: (_, mark) => CHECKS[mark] }),
  });
  const { odd, sound } = await requestAmongSound(pipeline, 'huge', 'nan');
  const shown = await pipeline.untilSettled([...odd, ...sound]);
  expect(shown.map(({ status }) => status)).toEqual([
    ...odd.map(() => 'timed_out'),
    ...sound.map(() => 'completed'),
  ]);
  expect(await pipeline.failedJobs()).toBe(0);
});

test('a paid task whose outcome is refused until its deadline is kept: a redrive checks again, and pays nothing', {
  timeout: 60_000,
}, async () => {
  let isMended = false;
  const pipeline = await setupPipeline({
    webhooks: false,
    patience: { giveUpAfterMs: 1_000 },
    env: { CHECK_PATIENCE_MS: '1000' },
    factories: oddFashn({ check: (_, mark) => (isMended ? undefined : CHECKS[mark]) }),
  });
  const old = await requestMarked(pipeline, 'huge');
  const [ended] = await pipeline.untilSettled([old]);
  expect(ended).toMatchObject({ status: 'timed_out', reason: { code: 'gave_up' } });
  const paid = pipeline.book('fashn').accepted.map(({ taskId }) => taskId);
  expect(await pipeline.store.load(old)).toMatchObject({ task: { id: paid[0] } });

  isMended = true;
  const { began, groups } = await redrive(pipeline.env, '--id', old);
  expect(groups).toMatchObject([{ class: 'task_known', action: 'check_again', count: 1 }]);
  const [shown] = await pipeline.untilSettled([began[0]?.id ?? '']);
  expect(shown).toMatchObject({ status: 'completed', redriveOf: old });
  expect(pipeline.book('fashn').accepted.map(({ taskId }) => taskId)).toEqual(paid);
});

test('a handle that is none does not cost the task: it is polled by its id', async () => {
  const submit = (task: { id: string }) => ({ task: { ...task, handle: { status: 'live' } } });
  const pipeline = await setupPipeline({ webhooks: false, factories: oddFashn({ submit }) });
  const id = await requestMarked(pipeline, 'mark');
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'completed' });
  expect(pipeline.book('fashn').accepted).toHaveLength(1);
  expect(loudCodes(pipeline)).toEqual(new Set(['adapter_defect.fashn.submit']));
});

test('a submission whose answer names no task is unknown, never refused, and never sent again', async () => {
  const submit = () => ({ task: { id: '' } });
  const pipeline = await setupPipeline({ webhooks: false, factories: oddFashn({ submit }) });
  const { odd, sound } = await requestAmongSound(pipeline, 'mark');
  const shown = await pipeline.untilSettled([...odd, ...sound]);
  expect(shown[0]).toMatchObject({ status: 'failed', reason: { code: 'outcome_unknown' } });
  expect(shown.slice(1).map(({ status }) => status)).toEqual(sound.map(() => 'completed'));
  expect(pipeline.book('fashn').accepted).toHaveLength(shown.length);
  expect(loudCodes(pipeline)).toEqual(new Set(['adapter_defect.fashn.submit']));
});

test('and where the provider calls us, the delivery names the task and nothing is lost', async () => {
  const pipeline = await setupPipeline({
    env: { UNCONFIRMED_GRACE_MS: '60000' },
    factories: oddFashn({ submit: () => 'accepted' }),
  });
  const id = await requestMarked(pipeline, 'mark');
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'completed' });
  expect(pipeline.book('fashn').accepted).toHaveLength(1);
});

test('an outcome of 10 MB in a submission’s answer costs neither its task nor its batch', async () => {
  const submit = (task: { id: string }) => ({ task, outcome: HUGE });
  const pipeline = await setupPipeline({ webhooks: false, factories: oddFashn({ submit }) });
  const { odd, sound } = await requestAmongSound(pipeline, 'mark');
  const shown = await pipeline.untilSettled([...odd, ...sound]);
  expect(shown.map(({ status }) => status)).toEqual(shown.map(() => 'completed'));
  expect(await pipeline.failedJobs()).toBe(0);
  expect(loudCodes(pipeline)).toEqual(new Set(['adapter_defect.fashn.submit']));
});

test('a delivery that is understood no further than its task is answered 200, and the task checked', async () => {
  const read = (taskId: string) => ({ taskId, observation: { kind: 'final', outcome: HUGE } });
  const pipeline = await setupPipeline({
    env: { FASHN_TRUST: 'token' },
    patience: { webhookGraceMs: 60_000 },
    factories: oddFashn({ read }),
  });
  const id = await requestMarked(pipeline, 'mark');
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'completed', via: 'hint' });
  const [entry] = pipeline.book('fashn').accepted;
  expect(entry?.webhookAttempts.map(({ answeredStatus }) => answeredStatus)).toEqual([200]);
  expect(loudCodes(pipeline)).toEqual(new Set(['adapter_defect.fashn.read']));
});

test('a delivery of which nothing is understood is refused as malformed, and a poll learns the end', async () => {
  const pipeline = await setupPipeline({
    patience: { webhookGraceMs: 1_000 },
    factories: oddFashn({ read: () => undefined }),
  });
  const id = await requestMarked(pipeline, 'mark');
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'completed', via: 'poll' });
  const statuses = () =>
    pipeline
      .book('fashn')
      .accepted[0]?.webhookAttempts.map(({ answeredStatus }) => answeredStatus) ?? [];
  await until('the delivery was answered', () => statuses().length > 0);
  expect(new Set(statuses())).toEqual(new Set([400]));
  expect(loudCodes(pipeline)).toEqual(new Set(['adapter_defect.fashn.read']));
});
