import { readFileSync } from 'node:fs';
import { readFlags, UsageError } from '../flags.ts';

export interface RecordOptions {
  readonly provider: string;
  readonly model: string;
  readonly input: unknown;
  readonly webhook: string | undefined;
  readonly out: string;
  readonly compare: boolean;
}

export const RECORD_HELP = `catwalk record --provider NAME --model MODEL --input FILE [options]
(in Catwalk's own repository: npm run record -- ...)

Asks a real provider for ONE GENERATION, WHICH IT CHARGES FOR, and writes how it answered: methods,
paths, statuses, field names, types and status words. Keys, addresses, ids, words of yours and
pictures are replaced by placeholders, and a file that holds any of them all the same is not written.
No Redis is needed, and no webhook is waited for: the task is polled.

  --provider NAME   whose settings are in the environment, as docs/settings.md lists them
  --model MODEL     one of its models
  --input FILE      the input as JSON, as an app would send it
  --webhook URL     tells the provider to call there too, such as a page of webhook.site
  --out FILE        where to write; otherwise NAME-recording.json
  --compare         also asks the simulated provider, and tells what differs in shape
  --help, -h        this text

Exits with 0 when it is written (and, with --compare, nothing differs), 1 when something differs or
broke off, 2 after wrong usage.
`;

const FLAGS = {
  provider: { type: 'string' },
  model: { type: 'string' },
  input: { type: 'string' },
  webhook: { type: 'string' },
  out: { type: 'string' },
  compare: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Undefined for `--help`. @throws UsageError */
export function readRecordOptions(args: string[]): RecordOptions | undefined {
  const values = readFlags(args, FLAGS);
  if (values.help) return undefined;
  const needed = (name: 'provider' | 'model' | 'input'): string => {
    const value = values[name];
    if (value) return value;
    throw new UsageError(`--${name}: is required`);
  };
  const provider = needed('provider');
  const { webhook, out = `${provider}-recording.json`, compare = false } = values;
  if (webhook !== undefined && !URL.canParse(webhook))
    throw new UsageError('--webhook: give a URL');
  const model = needed('model');
  return { provider, model, input: readInput(needed('input')), webhook, out, compare };
}

function readInput(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--input ${file}: ${error instanceof Error ? error.message : error}`);
  }
}
