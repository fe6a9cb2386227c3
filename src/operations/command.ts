import { type ParseArgsConfig, parseArgs } from 'node:util';
import { z } from 'zod';
import type { Core } from '../core.ts';

/** What a command works with: the core, whose providers nobody calls from here. */
export interface Operation extends Core {
  /** Writes to standard output; lines end with a line feed. */
  readonly say: (text: string) => void;
  readonly isTerminal: boolean;
}

/** One of the operators' commands. */
export interface Command {
  /** One line for the list of commands. */
  readonly about: string;
  readonly help: string;
  /**
   * Understands the flags before anything is opened.
   * @returns what the command does. It may throw a UsageError as well, about what only the settings
   *   can tell, such as a provider's name.
   * @throws UsageError
   */
  read(args: string[]): (operation: Operation) => Promise<void>;
}

/**
 * The providers meant: those named, or all that are switched on.
 * @throws UsageError naming the providers there are.
 */
export function chosenProviders(
  named: readonly string[],
  { providers }: Pick<Operation, 'providers'>,
): readonly string[] {
  const switchedOn = [...providers.keys()];
  const stranger = named.find((name) => !switchedOn.includes(name));
  if (stranger !== undefined) {
    throw new UsageError(
      `--provider: ${stranger} is not switched on; use some of ${switchedOn.join(', ')}`,
    );
  }
  return named.length > 0 ? named : switchedOn;
}

/** Wrong usage; the message names the flag and what to do. */
export class UsageError extends Error {}

/**
 * Parses flags and checks them.
 * @param options the flags that there are, for node:util's `parseArgs`.
 * @param schema of their values, by flag.
 * @throws UsageError
 */
export function readFlags<T extends z.ZodType>(
  args: string[],
  options: ParseArgsConfig['options'],
  schema: T,
): z.infer<T> {
  let values: unknown;
  try {
    ({ values } = parseArgs({ args, options: options ?? {} }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `--${String(path[0])}: ${message}`,
  );
  throw new UsageError([...new Set(problems)].join('\n'));
}

/** A flag that may be repeated and may hold a list with commas; each entry as `entry` has it. */
export function namesOf<T>(entry: z.ZodType<T, string>) {
  // A flag that is given but says nothing must not widen the choice to everything.
  const isFull = (entries: string[]): boolean => !entries.includes('');
  return z
    .array(z.string())
    .transform((texts) => texts.flatMap((text) => text.split(',').map((one) => one.trim())))
    .refine(isFull, 'is empty, or empty in part: leave it out, or fill it in')
    .pipe(z.array(entry));
}
