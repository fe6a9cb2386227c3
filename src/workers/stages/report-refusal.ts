import type { Logger } from '../../config/log.ts';
import { Defect, Retryable } from '../../generation/errors.ts';
import { isDenial } from '../../generation/hold-reasons.ts';
import { about } from '../engine/report-move.ts';
import { refusalEvent, type Trouble } from './refusal-event.ts';
import { resultOf, type SubmissionEnd } from './submission-result.ts';

export interface RefusalParts {
  /** Ends when this process, which was told to stop, waits for no answer any longer. */
  readonly shutdownSignal: AbortSignal;
  /** One that is denied so often, for want of credit or authorization, ends. */
  readonly mostDenials: number;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Logs a try at submitting that went wrong, as loud as somebody is needed, and says what it comes to.
 * @param startedAt Unix ms of the call that failed.
 */
export function reportRefusal(
  { shutdownSignal, mostDenials, now, log }: RefusalParts,
  trouble: Trouble,
  startedAt: number,
): SubmissionEnd {
  const { generation, error } = trouble;
  const refusal = refusalEvent(trouble, now(), mostDenials);
  const { event } = refusal;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const line = { ...about(generation), event: event.type, code, durationMs: now() - startedAt };
  if (error instanceof Retryable && isDenial(error.code)) {
    // Once for each that waits for a person, and once for each that waited in vain.
    const isNews = !generation.denials || event.type === 'submit-rejected';
    log[isNews ? 'error' : 'warn'](line, 'denied: the account at the provider needs a look');
  } else if (error instanceof Defect) log.error({ ...line, err: error }, 'not understood');
  else log.warn({ ...line, err: error }, 'not submitted');
  return { ...refusal, result: resultOf(error, shutdownSignal.aborted) };
}
