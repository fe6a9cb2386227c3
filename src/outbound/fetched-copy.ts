/** Our copy of something that a provider publishes and seldom changes, such as its keys. */
export interface FetchedCopy<T> {
  /** The copy; fetched first when there is none, or an old one. @throws as `fetch` does */
  current(): Promise<T>;
  /**
   * Fetched again because the copy did not fit, but not more than once in a while; in between, the
   * copy as it is. @throws as `fetch` does
   */
  refreshed(): Promise<T>;
}

const LIFETIME_MS = 24 * 3_600_000;
/** So that a flood of forged signatures does not become a flood of requests. */
const REFRESH_AT_MOST_EVERY_MS = 60_000;

/**
 * A copy that is kept for a day. Many callers at once cause one request.
 * @param options.fetch brings it. What failed is not kept, and forgets nothing.
 * @param options.now Unix milliseconds.
 */
export function createFetchedCopy<T>(options: {
  fetch: () => Promise<T>;
  now: () => number;
}): FetchedCopy<T> {
  const { fetch, now } = options;
  let triedAt = Number.NEGATIVE_INFINITY;
  let kept: { value: T; at: number } | undefined;
  let fetching: Promise<T> | undefined;

  const fetchOnce = (): Promise<T> => {
    if (fetching) return fetching;
    const at = now();
    triedAt = at;
    fetching = fetch()
      .then((value) => {
        kept = { value, at };
        return value;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };

  return {
    current: async () => (kept && now() - kept.at < LIFETIME_MS ? kept.value : fetchOnce()),
    refreshed: async () =>
      kept && !fetching && now() - triedAt < REFRESH_AT_MOST_EVERY_MS ? kept.value : fetchOnce(),
  };
}
