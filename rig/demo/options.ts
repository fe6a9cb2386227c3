import { readFlags, UsageError, wholeNumber } from '../flags.ts';

export interface DemoOptions {
  readonly all: boolean;
  readonly count: number | undefined;
  readonly provider: string | undefined;
  readonly scenario: string | undefined;
  readonly person: string | undefined;
  readonly garment: string | undefined;
  readonly stay: boolean;
}

export const DEMO_HELP = `catwalk demo [options]
(in Catwalk's own repository: npm run demo -- [options])

  --count N          N generations instead of the three that show the three ways to end
  --all              one generation through each provider, and a table of how each ended
  --provider NAME    only this provider
  --scenario NAME    how the simulated provider behaves (catwalk simulator --help lists them)
  --person URL       your own picture of a person; needed with a real provider
  --garment URL      your own picture of a garment; needed with a real provider
  --stay             keep everything running afterwards, until Ctrl-C
  --help             this text

Without a provider's key in the environment, the providers are simulated on this machine.
`;

const FLAGS = {
  all: { type: 'boolean' },
  count: { type: 'string' },
  provider: { type: 'string' },
  scenario: { type: 'string' },
  person: { type: 'string' },
  garment: { type: 'string' },
  stay: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readDemoOptions(args: string[]): DemoOptions & { help: boolean } {
  const values = readFlags(args, FLAGS);
  for (const flag of ['person', 'garment'] as const) {
    const url = values[flag];
    if (url !== undefined && !URL.canParse(url)) throw new UsageError(`--${flag}: give a URL`);
  }
  const { provider, scenario, person, garment } = values;
  const { all = false, stay = false, help = false } = values;
  const count = wholeNumber('--count', values.count, undefined, 1_000);
  return { all, count, provider, scenario, person, garment, stay, help };
}
