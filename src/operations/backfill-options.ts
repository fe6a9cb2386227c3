import { z } from 'zod';
import { namesOf, readFlags } from './command.ts';
import { sinceBefore } from './since.ts';

export interface BackfillOptions {
  /** Empty: all that are switched on. */
  readonly providers: readonly string[];
  /** Unix ms. */
  readonly since: number;
  readonly dryRun: boolean;
  /** Whether to stay until everything was checked. */
  readonly waits: boolean;
  readonly json: boolean;
}

export const BACKFILL_HELP = `catwalk backfill --since TIME [options]
(in Catwalk's own repository: npm run backfill -- --since TIME [options])

Asks the providers about every generation since then that still waits for its webhook or its next
poll, instead of waiting on. For after an outage of our own web process. The workers make the checks,
at each provider's poll budget. What is missing in a schedule is put back. Running it twice is harmless.

  --since TIME       those asked for or submitted since then: 30s, 15m, 2h or 3d ago,
                     or a moment such as 2026-05-01T12:00Z
  --provider NAME    only this provider; may be repeated, or a list with commas (default: all)
  --dry-run          write nothing, and say what would be done
  --no-wait          do not stay until everything was checked
  --json             print one JSON object (in the repository: npm run --silent backfill -- …)
  --help             this text

Needs REDIS_URL, REDIS_NAMESPACE and the providers' settings as the workers have them.
Exits with 0 when done, 1 when it could not, 2 after wrong usage. Ctrl-C only stops watching.
`;

/** @throws UsageError */
export function readBackfillOptions(args: string[], nowMs: number): BackfillOptions {
  const flags = readFlags(
    args,
    {
      since: { type: 'string' },
      provider: { type: 'string', multiple: true },
      'dry-run': { type: 'boolean' },
      'no-wait': { type: 'boolean' },
      json: { type: 'boolean' },
    },
    z.object({
      since: sinceBefore(nowMs),
      provider: namesOf(z.string()).default([]),
      'dry-run': z.boolean().default(false),
      'no-wait': z.boolean().default(false),
      json: z.boolean().default(false),
    }),
  );
  return {
    providers: [...new Set(flags.provider)],
    since: flags.since,
    dryRun: flags['dry-run'],
    waits: !flags['no-wait'] && !flags['dry-run'],
    json: flags.json,
  };
}
