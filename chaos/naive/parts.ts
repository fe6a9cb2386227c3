import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { readProcessSettings } from '../../src/config/start-up.ts';
import type { ProviderTask } from '../../src/generation/generation.ts';
import { type ConnectedProviders, connectProviders } from '../../src/providers/connect.ts';
import { loadFactories } from '../../src/providers/modules.ts';
import { NAMESPACE } from '../settings.ts';

/**
 * The pipeline that a tutorial would give: a submit job that is tried again, a delayed job that
 * polls, a webhook handler that adds a completion job. It speaks to the providers through our own
 * adapters and checks signatures with them; what it lacks is everything around them.
 */

export interface SubmitData {
  readonly provider: string;
  readonly model: string;
  readonly input: Record<string, unknown>;
}

export interface PollData {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly task: ProviderTask;
}

export interface CompletionData {
  readonly id: string;
  readonly outcome: string;
  readonly reason: string | null;
}

export const connection = { url: process.env['REDIS_URL'] ?? '' };
export const prefix = `{${NAMESPACE}}`;

export const redis = new Redis(connection.url);
redis.on('error', () => {});

export const queues = {
  submit: new Queue<SubmitData>('submit', {
    connection,
    prefix,
    defaultJobOptions: { attempts: 5, backoff: { type: 'exponential', delay: 1_000 } },
  }),
  poll: new Queue<PollData>('poll', {
    connection,
    prefix,
    defaultJobOptions: { attempts: 3, backoff: { type: 'exponential', delay: 1_000 } },
  }),
  completion: new Queue<CompletionData>('completion', { connection, prefix }),
};
for (const queue of Object.values(queues)) queue.on('error', () => {});

export async function connectNaive(): Promise<ConnectedProviders> {
  const factories = await loadFactories(process.env['PROVIDER_MODULES']);
  const providerNames = factories.keys();
  const settings = readProcessSettings(process.env, { apiKeys: true, providerNames });
  return connectProviders(settings, factories);
}

/** Where the id of the generation is kept for providers that only name their own task. */
export const taskKey = (provider: string, taskId: string): string =>
  `${prefix}:tasks:${provider}:${taskId}`;

/** What an outcome of ours says, in this pipeline's words. */
export function completionOf(
  id: string,
  outcome: { verdict: string; reason?: { code: string } },
): CompletionData {
  return { id, outcome: outcome.verdict, reason: outcome.reason?.code ?? null };
}
