import { readFlags, wholeNumber } from '../../rig/flags.ts';

export interface MemoryBenchOptions {
  readonly records: number;
  readonly maxmemoryMb: number;
  readonly json: boolean;
  readonly help: boolean;
}

export const MEMORY_BENCH_HELP = `npm run bench -- memory [options]

Measures the bytes that a generation takes in Redis, state by state; then fills a small Redis until
new generations are refused, twice: with generations that all still wait, and with ones that end as
they come. Whatever was accepted must end and be told.

  --records N      how many generations each state is measured with (default 2000)
  --maxmemory MB   of the Redis that is filled (default 64)
  --json           print the figures only, as JSON (with npm run --silent)
  --help           this text

Starts its own Redis, twice. Exits with 1 if a generation is lost, or none was refused.
`;

const FLAGS = {
  records: { type: 'string' },
  maxmemory: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readMemoryBenchOptions(args: string[]): MemoryBenchOptions {
  const values = readFlags(args.slice(1), FLAGS);
  return {
    records: wholeNumber('--records', values.records, 2_000, 100_000),
    maxmemoryMb: wholeNumber('--maxmemory', values.maxmemory, 64, 4_096),
    json: values.json ?? false,
    help: values.help ?? false,
  };
}
