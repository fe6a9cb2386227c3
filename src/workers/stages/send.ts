import type { Logger } from '../../config/log.ts';
import { OutcomeUnknown } from '../../generation/errors.ts';
import type { Generation, InState } from '../../generation/generation.ts';
import type { Rules } from '../../generation/rules.ts';
import { AdapterDefect } from '../../providers/adapter-defect.ts';
import type { ProviderAdapter, SubmitAnswer } from '../../providers/provider.ts';
import { about } from '../engine/report-move.ts';
import { type RefusalParts, reportRefusal } from './report-refusal.ts';
import type { SubmissionEnd } from './submission-result.ts';
import { submitRequest } from './submit-request.ts';

/** What a send brought; with the outcome as well where the provider answers at once. */
export interface Answer extends SubmissionEnd {
  readonly outcome?: SubmitAnswer['outcome'];
}

export interface SendParts extends RefusalParts {
  readonly provider: ProviderAdapter;
  readonly webhookUrl: (generation: Generation) => string | undefined;
  /** By them the provider is told how long it is waited for. */
  readonly rulesFor: (generation: Generation) => Rules;
  readonly log: Logger;
}

/**
 * The call that pays. Whatever goes wrong with it is an answer too; it never fails.
 * @param lastReason what the generation was held for before this send, see `Trouble`.
 * @returns undefined when the schedule is to find that no answer came.
 */
export async function send(
  parts: SendParts,
  generation: InState<'submitting'>,
  lastReason: string | undefined,
): Promise<Answer | undefined> {
  const { provider, now, log } = parts;
  const startedAt = now();
  try {
    const patienceMs = parts.rulesFor(generation).poll.giveUpAfterMs;
    const request = { ...submitRequest(generation, parts.webhookUrl(generation)), patienceMs };
    const { task, outcome, charge } = await provider.submit(request);
    log.info({ ...about(generation), durationMs: now() - startedAt }, 'submitted');
    const event = { type: 'submit-accepted', task, outcome, charge } as const;
    return { event, holdQueueMs: undefined, result: 'success', outcome };
  } catch (error) {
    if (isTooSoonToSearch(parts, error)) return undefined;
    if (error instanceof AdapterDefect && error.task) {
      // Whatever else of the answer was not understood, the task was: it can be polled.
      log.error({ ...about(generation), err: error }, 'answer understood in part');
      const event = { type: 'submit-accepted', task: error.task } as const;
      return { event, holdQueueMs: undefined, result: 'success' };
    }
    return reportRefusal(parts, { generation, lastReason, error }, startedAt);
  }
}

/**
 * A search shortly after a call that was given up early may not show it yet, and its absence would
 * be believed. Keys and references bear a repeat at any time; without either there is none.
 */
function isTooSoonToSearch({ provider, shutdownSignal }: SendParts, error: unknown): boolean {
  const isGivenUp = shutdownSignal.aborted && error instanceof OutcomeUnknown;
  return isGivenUp && provider.repeatSubmit.kind === 'search';
}
