import { createHash } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { LateResultEvent } from '../../src/index.ts';
import { startCallbackReceiver } from '../support/callback-receiver.ts';
import { redrive } from '../support/operations.ts';
import { deliver, type Pipeline, SECRET, setupPipeline, TENANT } from '../support/pipeline.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;
/** Given up long before the task is done. */
const IMPATIENT = {
  patience: { giveUpAfterMs: 300 },
  simulator: { latencyMs: { min: 200, max: 200 } },
} as const;

/** A subscriber that takes late results, and what it got. */
async function listen({ catwalk }: Pipeline): Promise<LateResultEvent[]> {
  const late: LateResultEvent[] = [];
  const onLateResult = (event: LateResultEvent) => void late.push(event);
  await catwalk.onCompletion('late', () => undefined, { onLateResult });
  return late;
}

const lateOf = (pipeline: Pipeline, id: string) =>
  pipeline.untilShown(id, ({ late }) => late !== null);

type Results = LateResultEvent['data']['results'];

/** The first result; what is no file has none of its fields. */
const fileOf = (results: readonly Results[number][] | undefined) =>
  results?.find((one) => one.kind === 'file') ?? { kept: undefined, keptUrl: '', sha256: '' };

describe('late truth', { timeout: 60_000 }, () => {
  test.for(['fitinview', 'fashn'] as const)(
    '%s: a webhook that comes after we gave up is noted, and told once to whoever listens',
    async (provider) => {
      const pipeline = await setupPipeline(IMPATIENT);
      const told = await listen(pipeline);
      const callbacks = await startCallbackReceiver(SECRET, TENANT);
      onTestFinished(callbacks.close);
      const callbackUrl = `${callbacks.url}/done`;
      const id = await pipeline.request(provider, {
        scenario: 'slow',
        callbackUrl,
        metadata: { order: 7 },
      });
      const [ended] = await pipeline.untilSettled([id]);
      expect(ended).toMatchObject({ status: 'timed_out', reason: { code: 'gave_up' }, late: null });

      const shown = await lateOf(pipeline, id);
      // Of an unsigned delivery, one check is the witness.
      const via = provider === 'fitinview' ? 'webhook' : 'poll';
      expect(shown).toMatchObject({
        ...ended,
        late: { outcome: 'completed', via, results: [{ kind: 'file' }], reason: null },
      });
      await until('it is told', () => told.length > 0 && callbacks.received.length === 2);
      await pipeline.untilSettled([id]);
      expect(told).toMatchObject([
        {
          id: `${id.replace('gen_', 'evt_')}_late`,
          type: 'generation.late_result',
          data: {
            generationId: id,
            outcome: 'completed',
            results: shown.late?.results,
            metadata: { order: 7 },
            ended: { outcome: 'timed_out', reason: { code: 'gave_up' } },
          },
        },
      ]);
      // Who does not ask for late results hears of the end alone; a callback tells them by type.
      expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.timed_out' }]);
      expect(callbacks.received.map(({ event }) => event?.type)).toEqual([
        'generation.timed_out',
        'generation.late_result',
      ]);
      const [entry] = pipeline.book(provider).accepted;
      if (!entry) throw new Error('It was accepted');
      await deliver(provider, entry, { id: entry.taskId, status: 'failed', error: 'no' });
      await pipeline.untilSettled([id]);
      expect(await pipeline.get(id)).toStrictEqual(shown);
      expect(told).toHaveLength(1);
    },
  );

  test('without a webhook one last check an hour later finds it, and the record owes nothing more', async () => {
    const pipeline = await setupPipeline({ ...IMPATIENT, webhooks: false });
    const told = await listen(pipeline);
    const id = await pipeline.request('fitinview', { scenario: 'slow' });
    await pipeline.untilSettled([id]);
    const schedule = pipeline.keys.checks('fitinview');
    await until('it waits for its last check', async () => {
      const [, due] = await pipeline.redis.zrange(schedule, '0', '-1', 'WITHSCORES');
      return Number(due) > Date.now() + HOUR_MS / 2;
    });
    expect(await pipeline.redis.pttl(pipeline.keys.record(id))).toBe(-1);
    await until('the task is done', () => pipeline.book('fitinview').accepted[0]?.finalStatus);

    pipeline.advanceClock(HOUR_MS);
    expect(await lateOf(pipeline, id)).toMatchObject({
      status: 'timed_out',
      late: { via: 'poll' },
    });
    await until('it is told', () => told.length > 0);
    await until('nothing is owed', async () => (await pipeline.redis.zcard(schedule)) === 0);
    expect(await pipeline.redis.pttl(pipeline.keys.record(id))).toBeGreaterThan(0);
    expect(told).toHaveLength(1);
  });

  test('with a vault it is kept like any other result', async () => {
    const env = { VAULT_DIR: await temporaryFolder() };
    const pipeline = await setupPipeline({ ...IMPATIENT, env });
    const told = await listen(pipeline);
    const id = await pipeline.request('fitinview', { scenario: 'slow' });
    const shown = await pipeline.untilShown(
      id,
      ({ late }) => fileOf(late?.results).kept === 'kept',
    );
    expect(shown).toMatchObject({ status: 'timed_out', results: [] });
    const { keptUrl, sha256 } = fileOf(shown.late?.results);
    // The pipeline's web process does not know its own port.
    const { pathname, search } = new URL(keptUrl ?? '');
    const answer = await pipeline.call('GET', pathname + search);
    expect(answer.status).toBe(200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    await until('it is told', () => told.length > 0);
    expect(told[0]?.data.results).toMatchObject([
      { kind: 'file', keptUrl: expect.stringContaining(pathname + search) },
    ]);
  });

  test('a redrive finds it without asking the provider', async () => {
    const pipeline = await setupPipeline(IMPATIENT);
    const old = await pipeline.request('fitinview', { scenario: 'slow' });
    await pipeline.untilSettled([old]);
    const { late } = await lateOf(pipeline, old);
    const [before] = pipeline.book('fitinview').accepted;
    const answer = await redrive(pipeline.env, '--id', old);
    expect(answer).toMatchObject({ triedAgain: 1, groups: [{ action: 'late_result' }] });
    const id = answer.began[0]?.id ?? '';
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', results: late?.results, redriveOf: old });
    expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.completed' }]);
    expect(pipeline.book('fitinview').accepted).toEqual([before]);
  });
});
