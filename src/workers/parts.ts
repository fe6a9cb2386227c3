import type { Redis } from 'ioredis';
import type { Logger } from '../config/log.ts';
import type { Settings } from '../config/settings.ts';
import { createEnqueue } from '../producers/enqueue.ts';
import { createQueueSet } from '../producers/queue-set.ts';
import { createRounds } from '../producers/rounds.ts';
import { accountWide, type ProviderAdapter } from '../providers/provider.ts';
import { keysOf } from '../store/keys.ts';
import { createSchedule } from '../store/schedule.ts';
import { createStore } from '../store/store.ts';
import { createSubscribers } from '../store/subscribers.ts';
import { createAdvance } from './engine/advance.ts';
import { createRules } from './engine/rules.ts';
import { createWebhookUrl } from './stages/webhook-url.ts';

/** What the stages of one process share. */
export type WorkerParts = ReturnType<typeof createWorkerParts>;

/** Builds everything that stages work with; opens nothing but queues, on the connection given. */
export function createWorkerParts(given: {
  settings: Settings;
  providers: ReadonlyMap<string, ProviderAdapter>;
  redis: Redis;
  /** Ends when this process, which was told to stop, waits for no answer any longer. */
  patience: AbortSignal;
  now: () => number;
  log: Logger;
}) {
  const { settings, providers, redis, now, log } = given;
  const keys = keysOf(settings.REDIS_NAMESPACE);
  const matchedByTask = accountWide(providers);
  const store = createStore({ redis, keys, retentionMs: settings.RETENTION_MS, matchedByTask });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  const enqueue = createEnqueue(queues);
  const rounds = createRounds(queues, now);
  const subscribers = createSubscribers({ redis, keys });
  const rulesFor = createRules(providers, {
    pollProfiles: settings.POLL_PROFILES,
    submitTimeoutMs: settings.SUBMIT_TIMEOUT_MS,
    unconfirmedGraceMs: settings.UNCONFIRMED_GRACE_MS,
    checkPatienceMs: settings.CHECK_PATIENCE_MS,
    onUnknownOutcome: (name) => settings.providers[name]?.onUnknownOutcome ?? 'fail',
  });
  const advance = createAdvance({ store, enqueue, rounds, subscribers, rulesFor, now, log });
  const webhookUrl = createWebhookUrl({
    publicUrl: settings.PUBLIC_URL,
    secrets: settings.CATWALK_SECRET,
    providers,
  });
  const schedule = createSchedule({ redis, keys });
  return { ...given, keys, store, schedule, queues, enqueue, rounds, advance, webhookUrl };
}
