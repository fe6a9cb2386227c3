import { expect, test } from 'vitest';
import { PROVIDER_NAMES } from '../../src/config/env.ts';
import { askFor, setupEveryProvider } from '../support/every-provider.ts';
import { type Pipeline, PROVIDERS, setupPipeline } from '../support/pipeline.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/**
 * How often each of those that call us tries to deliver; then it never does again. FASHN: about
 * 5 minutes; APIXO: 12.5; Vtryon: a day. The simulator plays its clock so fast that a day is two
 * seconds, and a task still takes 100 to 300 ms.
 */
const TRIES: Readonly<Record<string, number>> = {
  fitinview: 5,
  fashn: 6,
  apixo: 4,
  vtryon: 6,
  'image-intelligence': 6,
  replicate: 6,
  fal: 11,
};
const A_DAY_IN_TWO_SECONDS = {
  timeScale: 0.000_02,
  latencyMs: { min: 5_000_000, max: 15_000_000 },
};
/** Replicate is told our patience, and ends by its own fast clock what takes longer. */
const IN_ITS_TIME = { replicate: { giveUpAfterMs: 24 * 3_600_000 } };
/** A busy machine takes its time over the processes, clocks and retries of a whole outage. */
const PATIENTLY = { timeout: 90_000 };
const HOURS = 3_600_000;
/** Segmind's model answers in the request itself, so no outage of ours comes in between. */
const OUTLIVING = PROVIDER_NAMES.filter((name) => name !== 'segmind');

const ledgerOf = (pipeline: Pipeline, provider: string) => {
  const book = pipeline.simulator.ledger()[provider];
  if (!book) throw new Error(`no book of ${provider}`);
  return book;
};

/** Until every provider has finished `count` tasks and has nothing more to deliver. */
async function untilGivenUp(
  pipeline: Pipeline,
  providers: readonly string[],
  count: number,
): Promise<void> {
  for (const provider of providers) {
    await until(`${provider} has finished and given up`, () => {
      const { accepted } = ledgerOf(pipeline, provider);
      const tries = TRIES[provider] ?? 0;
      return (
        accepted.length === count &&
        accepted.every((entry) => entry.doneAtMs !== null && entry.webhookAttempts.length >= tries)
      );
    });
    const answers = ledgerOf(pipeline, provider).accepted.flatMap((entry) => entry.webhookAttempts);
    expect(answers.filter(({ answeredStatus }) => answeredStatus !== null)).toEqual([]);
  }
}

test(
  'the web process is away until every provider has given up: polls complete each after the grace',
  PATIENTLY,
  async () => {
    const pipeline = await setupEveryProvider({
      env: { FILES_DIR: await temporaryFolder() },
      patience: { webhookGraceMs: 5_000, giveUpAfterMs: 30_000 },
      patienceOf: IN_ITS_TIME,
      simulator: A_DAY_IN_TWO_SECONDS,
      workers: false,
    });
    const calling = Object.keys(TRIES);
    const ids = await Promise.all(calling.map((provider) => askFor(pipeline, provider)));
    await pipeline.stopWeb();
    await pipeline.startWorkers();
    await untilGivenUp(pipeline, calling, 1);
    expect(pipeline.events).toEqual([]);

    await until('all are notified', () => pipeline.events.length >= ids.length);
    await pipeline.startWeb();
    for (const shown of await pipeline.untilSettled(ids)) {
      expect(shown, shown.provider).toMatchObject({ status: 'completed', via: 'poll' });
      const waitedMs = Date.parse(shown.finishedAt ?? '') - Date.parse(shown.submittedAt ?? '');
      // The grace less its jitter.
      expect(waitedMs, shown.provider).toBeGreaterThanOrEqual(4_500);
      expect(pipeline.eventsOf(shown.id)).toHaveLength(1);
    }
    expect(pipeline.events).toHaveLength(ids.length);
  },
);

test(
  'after an outage of the web process alone, sixty overdue polls keep to the budget',
  PATIENTLY,
  async () => {
    const pollsPerSecond = 10;
    const pipeline = await setupPipeline({
      env: { FASHN_POLLS_PER_SECOND: String(pollsPerSecond) },
      patience: { webhookGraceMs: 3_000 },
      simulator: { timeScale: 0.000_02, latencyMs: { min: 5_000_000, max: 15_000_000 } },
      workers: false,
    });
    const ids = await Promise.all(Array.from({ length: 60 }, () => pipeline.request('fashn')));
    await pipeline.stopWeb();
    await pipeline.startWorkers();
    await untilGivenUp(pipeline, ['fashn'], ids.length);

    const polls = (): number =>
      pipeline.book('fashn').accepted.reduce((sum, entry) => sum + entry.polls, 0);
    const seen: { at: number; polls: number }[] = [];
    await until('all have been polled', () => {
      seen.push({ at: performance.now(), polls: polls() });
      return polls() >= ids.length;
    });
    for (const from of seen) {
      const within = seen.filter(({ at }) => at >= from.at && at <= from.at + 1_000);
      const most = Math.max(...within.map((later) => later.polls - from.polls));
      // A full budget and what it gains in that second, and what a busy machine held up before.
      expect(most).toBeLessThanOrEqual(2 * pollsPerSecond + 3);
    }
    await pipeline.startWeb();
    const shown = await pipeline.untilSettled(ids);
    expect(shown.map(({ status, via }) => `${status} ${via}`)).toEqual(
      ids.map(() => 'completed poll'),
    );
    expect(pipeline.events).toHaveLength(ids.length);
  },
);

test(
  'web and workers are away for three hours: what the providers finished completes, and nothing times out for it',
  PATIENTLY,
  async () => {
    const pipeline = await setupEveryProvider({
      env: { FILES_DIR: await temporaryFolder() },
      patience: { webhookGraceMs: 60_000, firstAfterMs: 60_000, giveUpAfterMs: 120_000 },
      patienceOf: IN_ITS_TIME,
      simulator: A_DAY_IN_TWO_SECONDS,
      workers: false,
    });
    const before = await pipeline.startWorkers();
    const sent = await Promise.all(OUTLIVING.map((provider) => askFor(pipeline, provider)));
    await pipeline.stopWeb();
    await until('each has its task', async () => {
      const records = await pipeline.store.loadAll(sent);
      return records.every((g) => g && 'submittedAt' in g && g.submittedAt !== undefined);
    });
    await before.stop();
    await untilGivenUp(pipeline, OUTLIVING, 1);

    // What was accepted and not sent when everything stopped.
    await pipeline.startWeb();
    const unsent = await Promise.all(PROVIDERS.map((provider) => pipeline.request(provider)));
    await pipeline.stopWeb();
    pipeline.advanceClock(3 * HOURS);
    await pipeline.startWeb();
    await pipeline.startWorkers();

    const ids = [...sent, ...unsent];
    const shown = await pipeline.untilSettled(ids);
    for (const { provider, status, reason, id } of shown) {
      expect({ provider, status, reason }).toEqual({ provider, status: 'completed', reason: null });
      expect(pipeline.eventsOf(id)).toHaveLength(1);
    }
    for (const provider of OUTLIVING) {
      const isUnsent = PROVIDERS.some((name) => name === provider);
      expect(ledgerOf(pipeline, provider).accepted).toHaveLength(isUnsent ? 2 : 1);
    }
    expect(pipeline.events).toHaveLength(ids.length);
  },
);
