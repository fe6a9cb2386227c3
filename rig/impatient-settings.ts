import { providerVariable } from '../src/config/env.ts';
import { POLL_PROFILES } from '../src/config/poll-profiles.ts';

/** When a provider is polled; milliseconds. */
interface Polls {
  readonly firstAfterMs: number;
  readonly webhookGraceMs: number;
  readonly giveUpAfterMs: number;
  readonly maxPolls: number;
  readonly lastCheckAfterMs?: number;
}

/**
 * Settings with which what takes minutes with real providers takes seconds.
 * @param limits for each provider, by the end of the variable's name, such as `CONCURRENCY`.
 */
export function impatientSettings(
  providers: readonly string[],
  polls: Polls,
  limits: Readonly<Record<string, string>>,
): Record<string, string> {
  const profile = { everyMs: 1_000, longestMs: 1_000, factor: 1, ...polls };
  // By provider too: what a provider recommends comes after its model's type.
  const profiles = [...Object.keys(POLL_PROFILES), ...providers].map((key) => [key, profile]);
  return {
    POLL_PROFILES: JSON.stringify(Object.fromEntries(profiles)),
    POLL_TIMEOUT_MS: '3000',
    LEASE_MS: '5000',
    ...Object.fromEntries(
      providers.flatMap((name) =>
        Object.entries(limits).map(([limit, value]) => [providerVariable(name, limit), value]),
      ),
    ),
  };
}
