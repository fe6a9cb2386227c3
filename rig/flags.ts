import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Wrong usage; the message names the flag. */
export class UsageError extends Error {}

/** The flags' values. @throws UsageError for a flag that is not known or lacks its value. */
export function readFlags<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
): ReturnType<typeof parseArgs<{ args: string[]; options: Options }>>['values'] {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** From 1 to `largest`; `usual` when the flag was not given. @throws UsageError */
export function wholeNumber<Usual extends number | undefined>(
  flag: string,
  text: string | undefined,
  usual: Usual,
  largest: number,
): number | Usual {
  if (text === undefined) return usual;
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= 1 && number <= largest) {
    return number;
  }
  throw new UsageError(`${flag}: give a whole number from 1 to ${largest}`);
}
