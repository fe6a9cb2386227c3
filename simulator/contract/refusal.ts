/** Why a request was turned away. A dialect turns each into its provider's own error body. */
export type RefusalReason =
  | 'unauthorized'
  | 'invalid'
  | 'too-large'
  | 'not-found'
  | 'key-reused'
  | 'rate-limited'
  | 'concurrency-limited'
  | 'out-of-credit'
  | 'server-error'
  | 'html-page';

/** A request turned away, before a dialect words it. */
export interface Refusal {
  reason: RefusalReason;
  message: string;
  retryAfterSeconds?: number;
  /** What is wrong where, for a dialect that lists it: one entry per mistake. */
  mistakes?: readonly { path: readonly (string | number)[]; message: string; isMissing: boolean }[];
}
