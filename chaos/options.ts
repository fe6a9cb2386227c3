import { readFlags, UsageError, wholeNumber } from '../rig/flags.ts';
import { CHAOS_PROVIDERS, KNOWN_PROVIDERS } from './catalogue.ts';

export interface ChaosOptions {
  readonly generations: number;
  readonly seed: number;
  readonly ratePerSecond: number;
  /** The whole run ends by then, finished or not. */
  readonly mostMinutes: number;
  readonly providers: readonly string[];
  readonly appendfsync: 'everysec' | 'always';
  /** A killed Redis loses what it had not yet forced to disk, as when the machine loses power. */
  readonly powerCuts: boolean;
  readonly naive: boolean;
  readonly json: boolean;
  /** Where the processes' logs are kept. */
  readonly logs: string | undefined;
  readonly help: boolean;
}

export const CHAOS_HELP = `npm run chaos -- [options]

  --generations N      how many generations are asked for (default 5000)
  --seed N             plans the faults; the same seed plans the same ones (default 1)
  --rate N             generations asked for per second (default 30)
  --minutes N          the run ends by then, finished or not (default 15)
  --providers A,B      of ${KNOWN_PROVIDERS.join(', ')}
                       (default ${CHAOS_PROVIDERS.join(', ')})
  --appendfsync MODE   always (default) or everysec: how soon Redis forces writes to disk
  --power-cuts         a killed Redis also loses what was not yet forced to disk
  --naive              the same against the pipeline that a tutorial would give
  --logs FOLDER        keep what the processes log
  --json               print the numbers only, as JSON (with npm run --silent)
  --help               this text

Starts its own Redis, simulated providers, two web and three worker processes on loopback, breaks
them while two quiet tenants and a noisy one ask, whose callbacks are never answered, compares every party's books, and stops everything. Exits 1 when a promise was broken.
`;

const FLAGS = {
  generations: { type: 'string' },
  seed: { type: 'string' },
  rate: { type: 'string' },
  minutes: { type: 'string' },
  providers: { type: 'string' },
  appendfsync: { type: 'string' },
  'power-cuts': { type: 'boolean' },
  naive: { type: 'boolean' },
  logs: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readChaosOptions(args: string[]): ChaosOptions {
  const values = readFlags(args, FLAGS);
  const providers = values.providers?.split(',') ?? CHAOS_PROVIDERS;
  const stranger = providers.find((name) => !KNOWN_PROVIDERS.includes(name));
  if (stranger !== undefined) {
    throw new UsageError(`--providers: use some of ${KNOWN_PROVIDERS.join(', ')}`);
  }
  const { appendfsync = 'always' } = values;
  if (appendfsync !== 'everysec' && appendfsync !== 'always') {
    throw new UsageError('--appendfsync: use everysec or always');
  }
  return {
    generations: wholeNumber('--generations', values.generations, 5_000, 50_000),
    seed: wholeNumber('--seed', values.seed, 1, 2 ** 31),
    ratePerSecond: wholeNumber('--rate', values.rate, 30, 500),
    mostMinutes: wholeNumber('--minutes', values.minutes, 15, 120),
    providers: [...new Set(providers)],
    appendfsync,
    powerCuts: values['power-cuts'] ?? false,
    naive: values.naive ?? false,
    json: values.json ?? false,
    logs: values.logs,
    help: values.help ?? false,
  };
}
