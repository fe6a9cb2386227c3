import { readFlags, UsageError, wholeNumber } from '../../rig/flags.ts';

export interface FairnessOptions {
  /** How many there are, one measurement after the other. */
  readonly tenants: readonly number[];
  readonly seconds: number;
  readonly cost: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

const USUAL = '2,10,50';
const MOST_TENANTS = 99;

export const FAIRNESS_HELP = `npm run bench -- fairness [options]

Tenants ask for two and a half times what a provider takes, one of them for 60 % of it. Compares who
was served, and when, with the weighted max-min share; the same load through one plain BullMQ queue,
in the order of arrival and with priorities; and what a submission costs among many tenants.

  --tenants N,N   how many tenants, 2 to ${MOST_TENANTS} (default ${USUAL})
  --seconds N     how long each window lasts (default 30)
  --no-cost       leave the cost out
  --json          print the figures only, as JSON (with npm run --silent)
  --help          this text

Starts its own Redis. Exits with 1 when a promise is broken.
`;

const FLAGS = {
  tenants: { type: 'string' },
  seconds: { type: 'string' },
  'no-cost': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readFairnessOptions(args: string[]): FairnessOptions {
  const values = readFlags(args, FLAGS);
  const tenants = (values.tenants ?? USUAL)
    .split(',')
    .map((count) => wholeNumber('--tenants', count, 2, MOST_TENANTS));
  if (tenants.includes(1)) throw new UsageError('--tenants: one alone shares nothing');
  return {
    tenants,
    seconds: wholeNumber('--seconds', values.seconds, 30, 600),
    cost: !values['no-cost'],
    json: values.json ?? false,
    help: values.help ?? false,
  };
}
