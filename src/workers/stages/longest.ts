import type { ProviderAdapter } from '../../providers/provider.ts';
import { LOADING_MARGIN_MS } from '../../providers/rules.ts';
import { MOST_STEPS } from './prepare.ts';

/** For reading and saving, with the repeats that saving has, on a Redis that is slow but there. */
const REDIS_MS = 120_000;
/** A status check may be several calls, and may load a picture to keep it. */
const CALLS_OF_A_POLL = 5;

/**
 * Longer than each stage can take while Redis is there: a job that is under way for longer never
 * ends by itself. Generous on purpose, because a process that fails `/livez` is restarted.
 */
export const longest = {
  submitMs(
    provider: Pick<ProviderAdapter, 'prepare'>,
    timeouts: { submitTimeoutMs: number; pollTimeoutMs: number },
  ): number {
    const callMs = timeouts.submitTimeoutMs + timeouts.pollTimeoutMs + LOADING_MARGIN_MS;
    return callMs * (provider.prepare ? MOST_STEPS + 2 : 1) + REDIS_MS;
  },
  roundMs: (pollTimeoutMs: number): number => CALLS_OF_A_POLL * pollTimeoutMs + REDIS_MS,
  completionsMs: REDIS_MS,
  keepMs: (tryMs: number): number => tryMs + REDIS_MS,
  callbackMs: (timeoutMs: number): number => timeoutMs + REDIS_MS,
} as const;
