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
  result_missing: { askAgain: true, sentence: 'The provider finished without a usable result.' },
  /** Data that is no file is kept in the record, which must stay small. */
  /** We keep links only; the picture itself must not go through the queues. */
  result_inline: { askAgain: false, sentence: 'The provider sent the file itself, not a link.' },
} as const satisfies Record<string, { askAgain: boolean; sentence: string }>;

export type ReasonCode = keyof typeof REASONS;

/** How much of a provider's own sentence is passed on, in characters. */
const MAX_QUOTE = 200;

/** How much of a provider's text is ever looked at: nobody needs more to say what went wrong. */
const MAX_READ = 2_000;

/** Words by which free text names its cause, the first that fits counting. */
export type ReasonWords = readonly (readonly [RegExp, ReasonCode])[];

/** ASSUMPTION: how providers that document no codes speak of content that they refused. */
export const MODERATION_WORDS: ReasonWords = [
  [
    /nsfw|moderat(ion|ed)|(content|usage|safety)[ _-]polic|prohibited|explicit content/i,
    'content_policy',
  ],
];

/** The beginning of a provider's text. Whatever searches such a text searches only this. */
export function beginningOf(said: string | null | undefined): string {
  return (said ?? '').slice(0, MAX_READ);
}

/** The reason that a provider's own words speak of; `provider_failed` when none of them is known. */
export function reasonIn(said: string | null | undefined, words: ReasonWords): ReasonCode {
  const beginning = beginningOf(said);
  return words.find(([pattern]) => pattern.test(beginning))?.[1] ?? 'provider_failed';
}

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

/**
 * Links may be signed and long unbroken runs may be keys or image data: neither is repeated. Our own
 * keys, which may be shorter, are taken out by without-secrets.ts.
 */
function redact(said: string): string {
  return beginningOf(said)
    .replace(/\b(https?:\/\/|data:)\S+/gi, '(link)')
    .replace(/[\w+/=.:-]{24,}/g, '(removed)')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MAX_QUOTE);
}
