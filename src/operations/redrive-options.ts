import { z } from 'zod';
import { GenerationId } from '../generation/ids.ts';
import { REASON_CLASSES } from '../generation/verdicts.ts';
import { namesOf, readFlags, UsageError } from './command.ts';
import { DEAD_JOB_CLASSES, isRedrivable } from './dead-job.ts';
import { sinceBefore } from './since.ts';

/** Which dead letters are meant: those that fit every list that is not empty. */
export interface RedriveFilter {
  readonly providers: readonly string[];
  readonly queues: readonly string[];
  readonly reasons: readonly string[];
  readonly classes: readonly string[];
  readonly tenant: string | undefined;
  readonly ids: readonly GenerationId[];
  /** Unix ms, both included: when it ended, or failed for good. */
  readonly since: number;
  readonly until: number;
  /** Later generations are left alone: this very command may have begun them. */
  readonly askedBefore: number;
}

export interface RedriveOptions {
  readonly filter: RedriveFilter;
  /** The most that are redriven. */
  readonly limit: number;
  readonly dryRun: boolean;
  readonly payAgain: boolean;
  readonly json: boolean;
}

export const REDRIVE_HELP = `catwalk-operate redrive [options]
(in Catwalk's own repository: npm run redrive -- [options])

Tries dead letters again: generations that failed or timed out, and jobs that were given up.

  --provider NAME   of this provider; may be repeated, or a list with commas, as the next three
  --queue NAME      only jobs of this queue (subscriber-…, submit-…, completions), no generations
  --reason CODE     gave_up, outcome_unknown, http_503 …
  --class CLASS     ${REASON_CLASSES.join(', ')};
                    jobs: ${DEAD_JOB_CLASSES.slice(0, 5).join(', ')},
                    ${DEAD_JOB_CLASSES.slice(5).join(', ')}
  --tenant NAME     of this tenant
  --id ID           this generation, and jobs about it; may be repeated
  --since WHEN      ended at this time or later: 30s, 15m, 2h, 3d ago, or 2026-11-20T08:00:00Z
  --until WHEN      ended at this time or earlier
  --limit N         at most so many
  --all             everything; needed when nothing above but --limit is given
  --dry-run         only list what there is, and what a redrive would do
  --pay-again       also what may be paid a second time by it
  --json            the result as JSON (in the repository: npm run --silent redrive -- …)
  --help            this text

A generation is tried again by a new one with "redriveOf"; trying it again twice gives the same, so
Ctrl-C and running it again are harmless. New ones are begun at half of their provider's polls.
Needs REDIS_URL, REDIS_NAMESPACE and the providers' settings as the workers have them.
Exits with 0 when done, 1 when it could not, 2 after wrong usage.
`;

const FLAGS = {
  provider: { type: 'string', multiple: true },
  queue: { type: 'string', multiple: true },
  reason: { type: 'string', multiple: true },
  class: { type: 'string', multiple: true },
  tenant: { type: 'string' },
  id: { type: 'string', multiple: true },
  since: { type: 'string' },
  until: { type: 'string' },
  limit: { type: 'string' },
  all: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  'pay-again': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** Any of these narrows what is meant. */
const FILTERS = ['provider', 'queue', 'reason', 'class', 'tenant', 'id', 'since', 'until'] as const;
const CLASSES: readonly string[] = [...REASON_CLASSES, ...DEAD_JOB_CLASSES];

/** @throws UsageError */
export function readRedriveOptions(args: string[], nowMs: number): RedriveOptions {
  const flags = readFlags(args, FLAGS, valuesBefore(nowMs));
  if ((flags.since ?? 0) > (flags.until ?? nowMs)) {
    throw new UsageError('--since: is later than --until');
  }
  const isNarrow = FILTERS.some((name) => flags[name] !== undefined);
  if (!isNarrow && !flags['dry-run'] && !flags.all) {
    throw new UsageError('Say which: give a filter, or --all. See first what there is: --dry-run');
  }
  return {
    filter: {
      providers: flags.provider ?? [],
      queues: flags.queue ?? [],
      reasons: flags.reason ?? [],
      classes: flags.class ?? [],
      tenant: flags.tenant,
      ids: flags.id ?? [],
      since: flags.since ?? 0,
      until: flags.until ?? Number.POSITIVE_INFINITY,
      askedBefore: nowMs,
    },
    limit: flags.limit ?? Number.POSITIVE_INFINITY,
    dryRun: flags['dry-run'],
    payAgain: flags['pay-again'],
    json: flags.json,
  };
}

function valuesBefore(nowMs: number) {
  const flag = z.boolean().default(false);
  const known = (isKnown: (name: string) => boolean) =>
    z.string().refine(isKnown, { error: ({ input }) => `"${input}" is none; see --help` });
  return z.object({
    provider: namesOf(z.string()).optional(),
    queue: namesOf(known(isRedrivable)).optional(),
    reason: namesOf(z.string()).optional(),
    class: namesOf(known((name) => CLASSES.includes(name))).optional(),
    tenant: z.string().min(1, 'is empty: leave it out, or fill it in').optional(),
    id: namesOf(generationId).optional(),
    since: sinceBefore(nowMs).optional(),
    until: sinceBefore(nowMs).optional(),
    limit: z
      .string()
      .regex(/^[1-9]\d{0,8}$/, 'give a whole number from 1')
      .transform(Number)
      .optional(),
    all: flag,
    'dry-run': flag,
    'pay-again': flag,
    json: flag,
  });
}

const generationId = z.string().transform((text, context): GenerationId => {
  const id = GenerationId.safeParse(text);
  if (id.success) return id.data;
  context.addIssue('give a generation’s id, gen_ and 26 letters and digits');
  return z.NEVER;
});
