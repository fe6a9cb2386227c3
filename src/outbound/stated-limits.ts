import type { IncomingHttpHeaders } from 'node:http';
import type { HttpClient } from './http-client.ts';

/**
 * What a provider says about its own rate limit, in the headers of an answer. As they are in use:
 *
 * - `X-RateLimit-Limit`, `-Remaining`, `-Reset` (FitInView's guide: per minute, and Unix seconds);
 * - `X-Rate-Limit-Remaining` and `X-Rate-Limit-Reset-At-UTC` (Segmind's v1 answers);
 * - `RateLimit-Limit`, `-Remaining`, `-Reset` (seconds from now), and since then `RateLimit` with
 *   `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, 07 and 10).
 */
export interface StatedLimit {
  readonly limit?: number | undefined;
  /** The span that the limit is about, where it is said. */
  readonly windowMs?: number | undefined;
  readonly remaining?: number | undefined;
  /** When something is free again (Unix ms). */
  readonly resetAt?: number | undefined;
  /** When it was said (Unix ms). */
  readonly at?: number | undefined;
}

/** Longer is nobody believed: a header that we misread must not stop a provider for a day. */
const LONGEST_RESET_MS = 15 * 60_000;
/** Below it a reset is a number of seconds from now, and above it of seconds, or ms, since 1970. */
const [SECONDS_SINCE_1970, MS_SINCE_1970] = [1e9, 1e12];

/** Undefined when they say nothing of it. */
export function readStatedLimit(
  headers: IncomingHttpHeaders,
  now: number,
): StatedLimit | undefined {
  const named = (name: string): string | undefined =>
    firstOf(headers[`ratelimit-${name}`], headers[`x-ratelimit-${name}`]) ??
    firstOf(headers[`x-rate-limit-${name}`]);
  const combined = firstOf(headers['ratelimit']);
  const policy = firstOf(headers['ratelimit-policy']) ?? named('limit');

  const limit = count(named('limit')) ?? parameter(policy, 'q') ?? parameter(combined, 'limit');
  const remaining =
    count(named('remaining')) ?? parameter(combined, 'r') ?? parameter(combined, 'remaining');
  const windowS = parameter(policy, 'w');
  const resetS = parameter(combined, 't') ?? parameter(combined, 'reset');
  const resetAt =
    timeOf(named('reset') ?? named('reset-at-utc'), now) ??
    (resetS === undefined ? undefined : now + resetS * 1000);
  const stated = {
    ...(limit !== undefined && limit >= 1 && { limit }),
    ...(windowS !== undefined && windowS > 0 && { windowMs: windowS * 1000 }),
    ...(remaining !== undefined && { remaining }),
    ...(resetAt !== undefined && { resetAt: Math.min(resetAt, now + LONGEST_RESET_MS) }),
  };
  return 'limit' in stated || 'remaining' in stated ? stated : undefined;
}

/** How long nothing more is free, as it was stated; undefined where something is, or nobody says. */
export function usedUpForMs(stated: StatedLimit | undefined, now: number): number | undefined {
  if (stated?.remaining === undefined || stated.remaining >= 1) return undefined;
  const waitMs = (stated.resetAt ?? 0) - now;
  return waitMs > 0 ? waitMs : undefined;
}

function firstOf(...headers: (string | string[] | undefined)[]): string | undefined {
  const found = headers.find((header) => header !== undefined);
  return Array.isArray(found) ? found[0] : found;
}

/** The leading number: `100, 100;w=60` is 100. */
function count(header: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,13}(?:\.\d{1,6})?)\s*(?:[,;]|$)/.exec(header ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** `w` of `100;w=60`, and `remaining` of `limit=100, remaining=50`. The first of several. */
function parameter(header: string | undefined, name: string): number | undefined {
  const digits = new RegExp(`(?:^|[,;\\s])${name}=(\\d{1,12})(?:[,;\\s]|$)`).exec(
    header ?? '',
  )?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function timeOf(header: string | undefined, now: number): number | undefined {
  const number = count(header);
  if (number === undefined) {
    const time = /^\d{4}-\d\d-\d\dT/.test(header ?? '') ? Date.parse(header ?? '') : Number.NaN;
    return Number.isNaN(time) ? undefined : time;
  }
  if (number >= MS_SINCE_1970) return number;
  return number >= SECONDS_SINCE_1970 ? number * 1000 : now + number * 1000;
}

/** The same client, except that what answers to submissions state of their limit is told. */
export function hearingLimits(http: HttpClient, tell: (stated: StatedLimit) => void): HttpClient {
  return {
    request: async (request) => {
      const answer = await http.request(request);
      // Status checks often have a limit of their own.
      const at = Date.now();
      const stated = request.kind === 'submit' ? readStatedLimit(answer.headers, at) : undefined;
      if (stated) tell({ ...stated, at });
      return answer;
    },
    close: () => http.close(),
  };
}
