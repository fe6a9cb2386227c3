import { type Pipeline, PROVIDERS, type Shown } from './pipeline.ts';
import { until } from './until.ts';

/** A lost lock, and a provider's repeats, on a busy machine. */
const DEADLINE_MS = 90_000;

/** Asks as an app should: again with the same key until it has an answer. */
export async function askPatiently(pipeline: Pipeline, index: number): Promise<string> {
  const provider = PROVIDERS[index % PROVIDERS.length] ?? 'fashn';
  const body = pipeline.bodyOf(provider);
  const ask = async () => {
    const response = await pipeline.post(body, `key-${index}`);
    if (response.status >= 500) return undefined;
    return ((await response.json()) as { id: string }).id; // our own API's answer
  };
  return until(`generation ${index} is accepted`, ask, DEADLINE_MS);
}

/**
 * A request that was recorded while Redis could not take its submit job waits for the schedule, which
 * comes round after half a minute. Nothing else may be left waiting.
 */
export async function untilRescued(pipeline: Pipeline, ids: readonly string[]): Promise<Shown[]> {
  await until(
    'all are final, but for those whose submit job was never added',
    async () => {
      const shown = await Promise.all(ids.map(pipeline.get));
      return shown.every(({ status, finishedAt }) => finishedAt !== null || status === 'queued');
    },
    DEADLINE_MS,
  );
  pipeline.advanceClock(31_000);
  return pipeline.untilSettled(ids, DEADLINE_MS);
}
