import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly all: boolean;
  readonly count: number | undefined;
  readonly provider: string | undefined;
  readonly scenario: string | undefined;
  readonly person: string | undefined;
  readonly garment: string | undefined;
  readonly stay: boolean;
}

export const DEMO_HELP = `npm run demo [-- options]

  --count N          N generations instead of the three that show the three ways to end
  --all              one generation through each provider, and a table of how each ended
  --provider NAME    only this provider
  --scenario NAME    how the simulated provider behaves (npm run simulator -- --help lists them)
  --person URL       your own picture of a person; needed with a real provider
  --garment URL      your own picture of a garment; needed with a real provider
  --stay             keep everything running afterwards, until Ctrl-C
  --help             this text

Without a provider's key in the environment, the providers are simulated on this machine.
`;

/** Wrong usage; the message names the flag. */
export class DemoUsageError extends Error {}

const MOST = 1_000;

/** @throws DemoUsageError */
export function readDemoOptions(args: string[]): DemoOptions & { help: boolean } {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    throw new DemoUsageError(error instanceof Error ? error.message : String(error));
  }
  const count = values.count === undefined ? undefined : Number(values.count);
  if (count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= MOST)) {
    throw new DemoUsageError(`--count: give a whole number from 1 to ${MOST}`);
  }
  for (const flag of ['person', 'garment'] as const) {
    const url = values[flag];
    if (url !== undefined && !URL.canParse(url)) throw new DemoUsageError(`--${flag}: give a URL`);
  }
  const { provider, scenario, person, garment } = values;
  const { all = false, stay = false, help = false } = values;
  return { all, count, provider, scenario, person, garment, stay, help };
}

function parse(args: string[]) {
  return parseArgs({
    args,
    options: {
      all: { type: 'boolean' },
      count: { type: 'string' },
      provider: { type: 'string' },
      scenario: { type: 'string' },
      person: { type: 'string' },
      garment: { type: 'string' },
      stay: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;
}
