/** Why one try at keeping a result failed: a stable word, which the app is told if it stays so. */
export type Why =
  | `link_answered_${number}`
  | 'link_unreachable'
  | 'link_timeout'
  | 'link_not_allowed'
  | 'too_large'
  | 'unreadable'
  | 'storage_failed';

/** One try at keeping a result failed. */
export class NotKept extends Error {
  readonly why: Why;

  constructor(why: Why, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NotKept';
    this.why = why;
  }

  /** No later try can fare better. */
  get isFinal(): boolean {
    return this.why === 'too_large' || this.why === 'link_not_allowed';
  }
}
