import { readFlags, wholeNumber } from '../../rig/flags.ts';

export interface VaultBenchOptions {
  readonly results: number;
  readonly lifetimeSeconds: number;
  readonly downSeconds: number;
  readonly json: boolean;
  readonly help: boolean;
}

export const VAULT_BENCH_HELP = `npm run bench:vault [-- options]

Completes generations whose results' links die, with a storage that is down in between, and counts
what was kept. A web and a worker process as in production; results go to an S3-compatible server.

  --results N     how many results (default 1000)
  --lifetime S    seconds after which each link dies (default 60)
  --down S        seconds for which the storage is down, from the tenth on (default 30)
  --json          print the figures only, as JSON (with npm run --silent)
  --help          this text

Starts its own Redis. Exits with 1 unless every result is kept with the hash that it had.
`;

const FLAGS = {
  results: { type: 'string' },
  lifetime: { type: 'string' },
  down: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readVaultBenchOptions(args: string[]): VaultBenchOptions {
  const values = readFlags(args, FLAGS);
  return {
    results: wholeNumber('--results', values.results, 1_000, 100_000),
    lifetimeSeconds: wholeNumber('--lifetime', values.lifetime, 60, 3_600),
    downSeconds: wholeNumber('--down', values.down, 30, 3_600),
    json: values.json ?? false,
    help: values.help ?? false,
  };
}
