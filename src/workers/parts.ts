import type { Core } from '../core.ts';
import { createRounds } from '../producers/rounds.ts';
import { createSchedule } from '../store/schedule.ts';
import { createAdvance } from './engine/advance.ts';
import { createProviderLimits } from './limits/provider-limits.ts';
import { createBeforeTelling } from './stages/before-telling.ts';
import { countingEnds } from './stages/count-ends.ts';
import { createWebhookUrl } from './stages/webhook-url.ts';

/** What the stages of one process share. */
export type WorkerParts = ReturnType<typeof createWorkerParts>;

/**
 * What workers add to the core.
 * @param shutdownSignal ends when this process, which was told to stop, waits for no answer any longer.
 */
export function createWorkerParts(core: Core, shutdownSignal: AbortSignal) {
  const { settings, providers, redis, keys, queues, now } = core;
  const rounds = createRounds(queues, now);
  const beforeTelling = countingEnds(core, createBeforeTelling(core));
  const advance = createAdvance({ ...core, rounds, beforeTelling });
  const schedule = createSchedule({ redis, keys });
  const webhookUrl = createWebhookUrl({
    publicUrl: settings.PUBLIC_URL,
    secrets: settings,
    providers,
  });
  const limits = createProviderLimits(core);
  return { ...core, shutdownSignal, rounds, advance, schedule, webhookUrl, ...limits };
}
