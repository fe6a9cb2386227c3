import { readFlags, UsageError, wholeNumber } from '../rig/flags.ts';
import { FAMILY_NAMES } from './families/catalogue.ts';

export interface AttackOptions {
  readonly attempts: number;
  readonly seed: number;
  /** Only this family; all of them when undefined. */
  readonly only: string | undefined;
  /** How long the real generations are watched alone. */
  readonly quietSeconds: number;
  readonly ratePerSecond: number;
  readonly naive: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

export const ATTACK_HELP = `npm run attack -- [options]

  --attempts N       how many attempts are made in all, about (default 52000)
  --seed N           the same seed makes the same attempts (default 1)
  --only FAMILY      one kind alone: ${FAMILY_NAMES.slice(0, 6).join(', ')},
                     ${FAMILY_NAMES.slice(6).join(', ')}
  --quiet-seconds N  how long real generations are watched before the attack (default 15)
  --rate N           real generations per second, all the while (default 5)
  --naive            the same against a careless receiver: the suite must find its flaws
  --json             print the numbers only, as JSON (with npm run --silent)
  --help             this text

Starts Catwalk in production settings with at most 512 MB for its web process, an own Redis and
simulated providers, all on loopback, attacks it, compares the books, and stops everything.
Exits 1 when anything was let in, broken, held up or killed.
`;

const FLAGS = {
  attempts: { type: 'string' },
  seed: { type: 'string' },
  only: { type: 'string' },
  'quiet-seconds': { type: 'string' },
  rate: { type: 'string' },
  naive: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readAttackOptions(args: string[]): AttackOptions {
  const values = readFlags(args, FLAGS);
  const { only } = values;
  if (only !== undefined && !FAMILY_NAMES.includes(only)) {
    throw new UsageError(`--only: use one of ${FAMILY_NAMES.join(', ')}`);
  }
  return {
    attempts: wholeNumber('--attempts', values.attempts, 52_000, 10_000_000),
    seed: wholeNumber('--seed', values.seed, 1, 2 ** 31),
    only,
    quietSeconds: wholeNumber('--quiet-seconds', values['quiet-seconds'], 15, 600),
    ratePerSecond: wholeNumber('--rate', values.rate, 5, 100),
    naive: values.naive ?? false,
    json: values.json ?? false,
    help: values.help ?? false,
  };
}
