import type { Outcome, Reason } from '../generation/generation.ts';

/**
 * Why a provider did not make the picture, in our own stable words: every adapter translates into
 * these, and apps compare them. `askAgain`: whether the same request may well succeed later.
 */
export const REASONS = {
  content_policy: { askAgain: false, sentence: 'The provider refused the content.' },
  pose_not_found: { askAgain: false, sentence: 'No body pose was found in an image.' },
  image_unreadable: { askAgain: false, sentence: 'The provider could not load an image.' },
  invalid_input: { askAgain: false, sentence: 'The provider refused the input as invalid.' },
  provider_rejected: { askAgain: false, sentence: 'The provider refused the request.' },
  /** A service behind the provider refused, most likely because of the content. */
  upstream_refused: { askAgain: false, sentence: 'A service behind the provider refused.' },
  /** It took the task and found only then that nobody would pay. */
  out_of_credit: { askAgain: true, sentence: 'The account at the provider has no credit.' },
  /** The provider's own fault, and it says so. */
  provider_error: { askAgain: true, sentence: 'The provider failed internally.' },
  /** It failed, in words that we do not know. ASSUMPTION: for good. */
  provider_failed: { askAgain: false, sentence: 'The provider could not make it.' },
  provider_canceled: { askAgain: true, sentence: 'The provider canceled the task.' },
  provider_timed_out: { askAgain: true, sentence: 'The provider gave the task up as too slow.' },
  /** Accepted long ago and never begun: the same input is likely to end there again. */
  provider_stuck: { askAgain: false, sentence: 'The provider never began the task.' },
  result_missing: { askAgain: true, sentence: 'The provider finished without a usable result.' },
  /** Data that is no file is kept in the record, which must stay small. */
  result_too_large: { askAgain: false, sentence: 'The result has more data than is kept.' },
  /** We keep links only; the picture itself must not go through the queues. */
  result_inline: { askAgain: false, sentence: 'The provider sent the file itself, not a link.' },
} as const satisfies Record<string, { askAgain: boolean; sentence: string }>;

export type ReasonCode = keyof typeof REASONS;

/** How much of a provider's own sentence is passed on, in characters. */
const MAX_QUOTE = 200;

/** A reason with its sentence, and the provider's own words after it, without links and keys. */
export function explain(code: ReasonCode, said?: string | undefined): Reason {
  const { sentence } = REASONS[code];
  const quote = said === undefined ? '' : redact(said);
  return { code, message: quote ? `${sentence} It said: ${quote}` : sentence };
}

/** The outcome for a task that the provider gave up. */
export function failed(code: ReasonCode, said?: string | undefined): Outcome {
  return { verdict: 'failed', reason: explain(code, said) };
}

/** Links may be signed and long unbroken runs may be keys or image data: neither is repeated. */
function redact(said: string): string {
  return said
    .slice(0, 10 * MAX_QUOTE)
    .replace(/\b(https?:\/\/|data:)\S+/gi, '(link)')
    .replace(/[\w+/=-]{24,}/g, '(removed)')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MAX_QUOTE);
}
