/** What may be configured for one provider; everything has a default. */
export interface ProviderSettings {
  /**
   * The only keys accepted; any key with the right look when absent. Two-part credentials are
   * joined by a colon.
   */
  keys?: string[];
  /** Webhook signing secret, taken literally. */
  secret?: string;
  /** The account's webhook, for submissions that name none. */
  webhookUrl?: string;
  /** Overrides how long access tokens live, in real time. */
  tokenLifetimeMs?: number;
  credits?: number;
  submitsPerMinute?: number;
  /** The span that `submitsPerMinute` is counted over instead of a minute, in real time. */
  rateWindowMs?: number;
  /** Tasks that may be live at once; unlimited when absent. */
  concurrentTasks?: number;
  /** Choices for the dialect's switches. */
  switches?: Record<string, string>;
}
