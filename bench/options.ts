import { readFlags, wholeNumber } from '../rig/flags.ts';

export interface BenchOptions {
  readonly generations: number;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly json: boolean;
  readonly help: boolean;
  /** Where the web and worker processes write their CPU profiles. */
  readonly profile: string | undefined;
}

export const BENCH_HELP = `npm run bench [-- options]
npm run bench -- memory   what Redis holds, and that its brake loses nothing: see --help there
npm run bench -- fairness [options]   who is served, and when, against the ideal
npm run bench -- sharing [options]    what one tenant's trouble does to the others

  --generations N    how many generations the burst has (default 5000)
  --rate N           generations per second of the steady part (default 100)
  --seconds N        how long the steady part lasts (default 10)
  --profile FOLDER   CPU profiles of the web and the worker process, for Chrome's DevTools
  --json             print the numbers only, as JSON (with npm run --silent)
  --help             this text

Uses REDIS_URL when it is set, with keys of its own that it deletes; starts its own Redis otherwise.
`;

const FLAGS = {
  generations: { type: 'string' },
  rate: { type: 'string' },
  seconds: { type: 'string' },
  profile: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readBenchOptions(args: string[]): BenchOptions {
  const values = readFlags(args, FLAGS);
  return {
    generations: wholeNumber('--generations', values.generations, 5_000, 200_000),
    ratePerSecond: wholeNumber('--rate', values.rate, 100, 5_000),
    seconds: wholeNumber('--seconds', values.seconds, 10, 600),
    json: values.json ?? false,
    help: values.help ?? false,
    profile: values.profile,
  };
}
