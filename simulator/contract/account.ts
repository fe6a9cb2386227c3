/** A key that lives for a while only. */
export interface AccessToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Calls against the limit that is counted over a sliding minute. */
export interface RateUsage {
  limitPerMinute: number;
  remaining: number;
  /** Unix seconds at which the oldest counted call ages out. */
  resetAtSeconds: number;
}
