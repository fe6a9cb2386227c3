import type { TokenWebhook } from '../provider.ts';
import { parseWebhook, statusWord } from '../wire-values.ts';
import { hasResults, Job, observe } from './wire.ts';

/**
 * Image Intelligence's webhook ("Handling Asynchronous APIs with Webhooks", read 2026-11-20): the job,
 * once, when the whole batch is done. Nothing is signed: a later specification speaks of a
 * `secretKey` for account-wide endpoints, but neither its header nor its algorithm is written down.
 * What admits a delivery is the token in our URL.
 */
export function imageIntelligenceWebhook(trust: 'hint' | 'token'): TokenWebhook {
  return {
    scope: 'request',
    trust,
    read: (body) => {
      const job = parseWebhook(Job, body);
      const observation = observe(job);
      // A believed delivery must not fail a paid batch because its results are not in it.
      const decides = trust === 'hint' || hasResults(job) || observation.kind !== 'final';
      const live = { kind: 'live', status: statusWord(job.status) } as const;
      return { taskId: job.id, observation: decides ? observation : live };
    },
  };
}
