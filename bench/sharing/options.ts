import { readFlags, UsageError, wholeNumber } from '../../rig/flags.ts';

const PARTS = ['polls', 'refusal', 'callbacks', 'flood'] as const;
export type Part = (typeof PARTS)[number];

export interface SharingOptions {
  readonly parts: readonly Part[];
  /** How many submissions wait while status checks are watched, one measurement after the other. */
  readonly waiting: readonly number[];
  /** How many events go to an endpoint that never answers, likewise. */
  readonly silent: readonly number[];
  readonly flood: number;
  readonly json: boolean;
  readonly help: boolean;
}

const MOST = 100_000;

export const SHARING_HELP = `npm run bench -- sharing [options]

What one tenant's trouble does to the others, beside what was promised of it.

  --only A,B      of ${PARTS.join(', ')} (default all)
  --waiting N,N   submissions that wait while status checks are watched (default 5000)
  --silent N,N    events to an endpoint that never answers (default 100)
  --flood N       requests of one tenant before another's next one (default 3000)
  --json          print the figures only, as JSON (with npm run --silent)
  --help          this text

Starts its own Redis, and a web and a worker process for each part, which takes about a minute and a
half. What is not over when its part ends is shown as "> so much". Exits with 1 when a promise is broken.
`;

const FLAGS = {
  only: { type: 'string' },
  waiting: { type: 'string' },
  silent: { type: 'string' },
  flood: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readSharingOptions(args: string[]): SharingOptions {
  const values = readFlags(args, FLAGS);
  const numbers = (flag: 'waiting' | 'silent', usual: string): number[] =>
    (values[flag] ?? usual).split(',').map((text) => wholeNumber(`--${flag}`, text, 1, MOST));
  const wanted = values.only?.split(',') ?? PARTS;
  const parts = PARTS.filter((part) => wanted.includes(part));
  if (parts.length < wanted.length) throw new UsageError(`--only: use some of ${PARTS.join(', ')}`);
  return {
    parts,
    waiting: numbers('waiting', '5000'),
    silent: numbers('silent', '100'),
    flood: wholeNumber('--flood', values.flood, 3_000, MOST),
    json: values.json ?? false,
    help: values.help ?? false,
  };
}
