import type { TokenWebhook } from '../provider.ts';
import { completedWithData, parseWebhook, statusWord } from '../wire-values.ts';
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
      const live = { kind: 'live', status: statusWord(job.status) } as const;
      const observation = observe(job);
      if (observation.kind === 'done') {
        const outcome = completedWithData(observation.data);
        // More than a record holds becomes a file, and a check makes it one.
        const fits = outcome.verdict === 'completed';
        return { taskId: job.id, observation: fits ? { kind: 'final', outcome } : live };
      }
      // A believed delivery must not fail a paid batch because its results are not in it.
      const decides = trust === 'hint' || hasResults(job) || observation.kind !== 'final';
      return { taskId: job.id, observation: decides ? observation : live };
    },
  };
}
