import { isIP } from 'node:net';
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

/** What `.env.example` shows is known to everybody. */
export const isExample = (secret: string): boolean => secret.startsWith('change-me');

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

/** Comma-separated moments, the latest first, as Unix ms. */
export const moments = list.transform((entries, context) => {
  const times = entries.map((entry) => (MOMENT.test(entry) ? Date.parse(entry) : Number.NaN));
  if (times.some(Number.isNaN)) {
    context.addIssue('takes moments with a time zone, such as 2027-01-31T06:00:00Z');
  } else if (times.some((time, at) => time > (times[at - 1] ?? time))) {
    context.addIssue('the latest comes first, as the newest secret does');
  }
  return times;
});
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/;

/** What is put behind it is a path, and others are told it: no query may end it, no password be in it. */
export const webUrl = optionalText
  .refine((text) => text === undefined || (URL.canParse(text) && /^https?:/.test(text)), {
    error: 'must be an http(s) URL, for example https://catwalk.example.com',
    abort: true,
  })
  .refine(
    (text) => text === undefined || isPlain(text),
    'must not hold a query, a fragment, a user name or a password',
  );

function isPlain(url: string): boolean {
  const { username, password } = new URL(url);
  return !/[?#]/.test(url) && username === '' && password === '';
}

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

/** The shortest prefix of a subnet, in bits: a wider one would be half of the internet. */
const WIDEST_SUBNET = 7;
const NAMED_SUBNETS = ['loopback', 'linklocal', 'uniquelocal'];
const MOST_HOPS = 10;

/**
 * Whose `X-Forwarded-For` is believed: a number of proxies, or the proxies' addresses, subnets and
 * Express's names for private ones.
 */
export const trustedProxies = optionalText.transform((text, context) => {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) {
    if (Number(text) >= 1 && Number(text) <= MOST_HOPS) return Number(text);
    context.addIssue(`takes 1 to ${MOST_HOPS} proxies; unset it where there is none`);
    return z.NEVER;
  }
  const entries = text.split(',').map((entry) => entry.trim());
  const wrong = entries.find((entry) => !NAMED_SUBNETS.includes(entry) && !isSubnet(entry));
  if (wrong === undefined) return entries;
  context.addIssue(
    `takes a number of proxies, or a list of addresses and subnets (10.0.0.0/8) and of ` +
      `${NAMED_SUBNETS.join(', ')}; never everybody: any caller could then choose an address`,
  );
  return z.NEVER;
});

function isSubnet(entry: string): boolean {
  const [address = '', prefix, ...more] = entry.split('/');
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (bits === 0 || more.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) >= WIDEST_SUBNET && Number(prefix) <= bits;
}
