import { z } from 'zod';

/** What documentation and the start-up summary need to know about one environment variable. */
export interface About {
  readonly about: string;
  /** Never printed, and blotted out of every log line. */
  readonly secret?: true;
  /** Shown in `.env.example` where there is no default to show. */
  readonly example?: string;
}

/** Attaches the description to a schema; must come last in its chain. */
export function described<T extends z.ZodType>(schema: T, about: About): T {
  return schema.meta({ ...about });
}

/** Reads back what `described` attached. */
export function aboutOf(schema: z.ZodType): About {
  return (schema.meta() as About | undefined) ?? { about: '' };
}

/** An unset variable and an empty one mean the same. */
export const optionalText = z
  .string()
  .trim()
  .transform((text) => text || undefined)
  .optional();

export const wholeNumber = (fallback: number, range: { min: number; max: number }) =>
  z.coerce.number().int().min(range.min).max(range.max).default(fallback);

export const flag = (fallback: boolean) => z.stringbool().default(fallback);

/** Comma-separated; surrounding spaces do not count, empty entries vanish. */
export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  );

export const webUrl = optionalText.refine(
  (text) => text === undefined || (URL.canParse(text) && /^https?:/.test(text)),
  'must be an http(s) URL, for example https://catwalk.example.com',
);

/** JSON text, checked by `schema`; unset means `{}`. */
export const jsonObject = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .default('{}')
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text || '{}');
      } catch {
        context.addIssue('must be JSON');
        return z.NEVER;
      }
    })
    .pipe(schema);
