import { SLASH, shortenUrls } from './redact-urls.ts';

/**
 * What may be shown of anything, in a log line or on the board: one rule for both. A URL is as good
 * as what it leads to, and a signature or a key is not for reading. Words, ids, times and our own
 * paths stay as they are.
 */

/** Nothing of ours is nested as deep; job data may be as deep as whoever sent it likes. */
const MAX_DEPTH = 64;
/** In characters. Longer than any text of ours; what is beyond would be slow to look through. */
const LONGEST_TEXT = 256 * 1024;
const HIDDEN = '…';

/** The cheap look that most texts need: nothing below can match where this does not. */
const SUSPICIOUS =
  /[/\\／⁄∕⧸]{2}|[:：][/\\／⁄∕⧸]|%(?:25)*(?:2f|5c)|u00(?:2f|5c)|&#|%(?:25)*26%|data[:%\\]|authorization|cookie|api-?key|signature|bearer|basic|whsec_|webhooks/i;

const DATA_COLON = String.raw`data(?::|%(?:25)*3a|\\u003a)`;
const DATA_TYPE = String.raw`(?=(?:image|audio|video|text|application|font|model)\b|[;,]|%(?:25)*(?:3b|2c))`;
const DATA_URI_ALONE = new RegExp(`^(${DATA_COLON})${DATA_TYPE}[^]*$`, 'i');
const DATA_URI = new RegExp(
  String.raw`(?<=^|[^\p{L}\p{N}]|%[\da-f]{2}|\\u[\da-f]{4})(${DATA_COLON})${DATA_TYPE}[^\s"'<>${'`'}]+`,
  'giu',
);

/** Between a header's name and its value: `: `, `=`, or as JSON and forms spell them. */
const SEPARATOR = String.raw`\\{0,8}["']?\s{0,4}(?:[:=]|%3[ad])\s{0,4}\\{0,8}["']?`;
const SPACE = String.raw`(?:\s|%20|\+){1,4}`;
/** Each keeps its first group, and shows nothing of the rest. */
const CREDENTIALS = [
  new RegExp(
    `((?:authorization|api-?key)${SEPARATOR}(?:[a-z]{3,10}${SPACE})?)[^\\s"'\\\\,;&<>]+`,
    'gi',
  ),
  new RegExp(
    `(signature${SEPARATOR})[\\w+/=.,:%-]{16,}(?:\\s{1,4}v\\d{1,2}a?,[\\w+/=-]{16,})*`,
    'gi',
  ),
  // A word after "bearer" or "basic" may be just a word: a token holds a digit or is long.
  new RegExp(
    `(\\b(?:bearer|basic)${SPACE})(?:[\\w.~+/-]{20,}|(?=[a-z.~+/_-]*\\d)[\\w.~+/-]{8,})=*`,
    'gi',
  ),
  /(whsec_)[\w+/=-]{8,}/gi,
  // The token that ends a webhook's path opens that generation's door.
  new RegExp(`(webhooks(?:${SLASH}[\\w.-]{1,64}){2}${SLASH})[\\w-]{20,}`, 'giu'),
];

/** A field of this name holds a credential, whatever the credential looks like. */
const CREDENTIAL_FIELD =
  /^(?:proxy-)?authorization$|^(?:set-)?cookie$|^(?:x-)?api-?key$|-signature$/i;

/** One cheap look at a text, or at JSON as text: false when there is certainly nothing to take out. */
export function mayNeedRedaction(text: string): boolean {
  return SUSPICIOUS.test(text);
}

/**
 * The text without what must not be read; the same text where there is nothing to take out. Of a
 * text beyond 256 Ki characters that may hold such things, the beginning is left.
 */
export function redactText(text: string): string {
  if (!mayNeedRedaction(text)) return text;
  if (text.length > LONGEST_TEXT) return `${redactText(text.slice(0, LONGEST_TEXT))}${HIDDEN}`;
  const withoutData = text.replace(DATA_URI_ALONE, `$1${HIDDEN}`).replace(DATA_URI, `$1${HIDDEN}`);
  return CREDENTIALS.reduce(
    (rest, pattern) => rest.replace(pattern, `$1${HIDDEN}`),
    shortenUrls(withoutData),
  );
}

/**
 * The value as JSON would show it, with every text in it redacted, keys included. What is nested
 * deeper than 64 levels is left out. The value itself is not changed.
 */
export function redact(value: unknown): unknown {
  return redactAt(value, 0);
}

function redactAt(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return HIDDEN;
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return redactAt(value.toJSON(), depth + 1);
  }
  if (Array.isArray(value)) return value.map((item) => redactAt(item, depth + 1));
  const freeName = nameGiver();
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => {
      const isCredential = CREDENTIAL_FIELD.test(key) && part !== null && part !== undefined;
      return [freeName(redactText(key)), isCredential ? HIDDEN : redactAt(part, depth + 1)];
    }),
  );
}

/** Two URLs of one host are one key when they are shortened: the second gets a number. */
function nameGiver(): (key: string) => string {
  const uses = new Map<string, number>();
  return (key) => {
    const use = (uses.get(key) ?? 0) + 1;
    uses.set(key, use);
    return use === 1 ? key : `${key} (${use})`;
  };
}
