import type { Logger } from '../../config/log.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { SubmissionEnd } from '../stages/submission-result.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import type { PaceOf } from './pace.ts';

export interface LearnParts {
  readonly provider: ProviderAdapter;
  readonly limits: LimitsInForce;
  readonly pace: Pick<PaceOf, 'note'>;
  /** How many tasks run at the provider, as far as we know. */
  readonly countRunning: () => Promise<number>;
  readonly log: Logger;
}

/**
 * Takes from what a submission came to what it says of the provider's limits. Never fails: the answer
 * itself is saved already.
 * @param sentAt when it left (Unix ms).
 */
export async function learnFrom(
  { provider, limits, pace, countRunning, log }: LearnParts,
  { event, result }: SubmissionEnd,
  sentAt: number,
): Promise<void> {
  if (event.type === 'submit-accepted') limits.accepted();
  // Only what the provider said itself about this submission is its limit.
  if (event.type !== 'submit-deferred' || result !== 'success') return;
  const { reason } = event;
  const line = { provider: provider.name, reason };
  try {
    const limit = await limits.refused(reason, { sentAt, running: countRunning });
    if (limit === undefined) return;
    log.warn({ ...line, limit }, 'limit found: refused above it');
    await pace.note();
  } catch (err) {
    log.warn({ ...line, err }, 'limit not written down');
  }
}
