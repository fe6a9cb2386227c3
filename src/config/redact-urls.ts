/**
 * Finds URLs in any text by their slashes, which every spelling of a URL has, whatever its scheme.
 * One pass from left to right, nothing is read twice: the time grows with the text's length alone.
 */

/** A sign as it is or percent-encoded, however often: `%2f`, `%252f`. */
const encodable = (sign: string, hex: string): string => `(?:${sign}|%(?:25)*${hex})`;
/** The same as an HTML entity, by its number. */
const entity = (...numbers: string[]): string =>
  `${encodable('&', '26')}${encodable('#', '23')}(?:${numbers.join('|')})${encodable(';', '3b')}`;
const BACKSLASH = encodable(String.raw`\\`, '5c');

/** As it is, percent-encoded, escaped in JSON, as an HTML entity, or a look-alike. */
export const SLASH = String.raw`(?:[/\\／⁄∕⧸]|(?<=${BACKSLASH})u00(?:2f|5c)|%(?:25)*(?:2f|5c)|${entity('x2f', 'x5c', '47', '92')})`;
const COLON = `(?:[:：]|%(?:25)*3a|${BACKSLASH}u003a|${entity('x3a', '58')})`;

const SLASHES = new RegExp(`${SLASH}+`, 'giu');
const FORWARD_SLASH = new RegExp(String.raw`(?!\\)${SLASH}`, 'giu');
const ONE_SLASH = new RegExp(`^${SLASH}$`, 'iu');

/** How far back from its slashes a scheme is looked for. */
const LONGEST_SCHEME = 64;
const SCHEME = new RegExp(`([a-z][a-z0-9+.-]*)${COLON}$`, 'iu');
/** Browsers read these with any number of slashes or backslashes. */
const WEB_SCHEME = /^(?:https?|wss?|ftp)$/i;
/** `file:///app/main.js` and `unix:///run/redis.sock` are places on this machine. */
const LOCAL_SCHEME = /^(?:file|unix)$/i;
/** What `//host` may follow: no letter or digit, unless it ends an encoded character. */
const BEFORE_HOST = /(?:^|[^\p{L}\p{N}_]|%[0-9a-f]{2}|\\u[0-9a-f]{4})$/iu;

const QUOTED = extent('[^\\s"<>`]');
/** A text that begins with a URL may be nothing else: quotes and brackets are then part of it. */
const WHOLE = extent('\\S');
/** Belongs to the sentence around a URL, not to the URL, where it stands last. */
const CLOSING = "\\)]},;:.!'";
const AFTER_HOST = /[&,;|]/;
const AT = /@|%(?:25)*40/giu;
const NAME = String.raw`(?:[\p{L}\p{M}\p{N}._~。．｡-]|%(?:25)*(?:[89a-f][\da-f]|2e))+`;
const IPV6 = String.raw`(?:\[|%(?:25)*5b)(?:[\da-f.:]|%(?:25)*3a)+(?:\]|%(?:25)*5d)`;
const HOST = new RegExp(String.raw`^(?:${NAME}|${IPV6})(?:(?::|%(?:25)*3a)\d{0,5})?$`, 'iu');

/**
 * Every URL with more than a host in it becomes its scheme and host with `/…`, in whatever spelling
 * it stands; `…` alone where it cannot be told which part is the host. A URL ends at white space or
 * a double quote: what follows a raw space inside a URL is taken for text.
 */
export function shortenUrls(text: string): string {
  let shortened = '';
  let copied = 0;
  SLASHES.lastIndex = 0;
  for (let run = SLASHES.exec(text); run; run = SLASHES.exec(text)) {
    const after = SLASHES.lastIndex;
    const url = urlAround(text, run.index, after);
    if (!url) continue;
    shortened += text.slice(copied, after) + url.shown;
    copied = SLASHES.lastIndex = url.end;
  }
  return shortened + text.slice(copied);
}

/** What to show instead of the text from `after` the slashes to `end`, if they are those of a URL. */
function urlAround(
  text: string,
  start: number,
  after: number,
): { shown: string; end: number } | undefined {
  const before = text.slice(Math.max(0, start - LONGEST_SCHEME), start);
  const [beginning = '', scheme] = SCHEME.exec(before) ?? [];
  const isWeb = scheme !== undefined && WEB_SCHEME.test(scheme);
  if (!isWeb && !mayLeadToHost(scheme, text.slice(start, after))) return undefined;

  const within = start === beginning.length ? WHOLE : QUOTED;
  const authority = matchAt(within.authority, text, after);
  const { login, host, isCut } = split(authority, isWeb || scheme === undefined);
  const isHost = HOST.test(host);
  // Without a scheme it may be a comment or a path with a doubled slash: only a host makes it a URL.
  const isNamed = isHost && (BEFORE_HOST.test(before) || host.includes('.'));
  if (login === '' && ((isHost && isCut) || (scheme === undefined && !isNamed))) return undefined;

  const rest = withoutClosing(matchAt(within.rest, text, after));
  const path = rest.slice(login.length + host.length);
  const isBare = login === '' && isHost && (path === '' || ONE_SLASH.test(path));
  if (rest === '' || isBare) return undefined;
  // A password may hold a raw slash: `redis://user:pass/word@host`.
  const isDoubtful = path.search(AT) >= 0 && (!isWeb || authority.includes(':'));
  return { shown: isHost && !isDoubtful ? `${host}/…` : '…', end: after + rest.length };
}

function mayLeadToHost(scheme: string | undefined, slashes: string): boolean {
  const count = slashes.match(FORWARD_SLASH)?.length ?? 0;
  return count >= 2 && !(count >= 3 && scheme !== undefined && LOCAL_SCHEME.test(scheme));
}

/** Up to the host's end, and up to the URL's end, in characters of this kind. */
function extent(character: string): { authority: RegExp; rest: RegExp } {
  const end = `${SLASH}|[?#]|%(?:25)*(?:3f|23)`;
  return {
    authority: new RegExp(`(?:(?!${end})${character})*`, 'iuy'),
    rest: new RegExp(`${character}*`, 'iuy'),
  };
}

function matchAt(pattern: RegExp, text: string, from: number): string {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0] ?? '';
}

/** `user:password@`, and the host; cut where the next of several URLs, or fields, may begin. */
function split(
  authority: string,
  mayBeCut: boolean,
): { login: string; host: string; isCut: boolean } {
  const at = [...authority.matchAll(AT)].at(-1);
  const login = at ? authority.slice(0, at.index + at[0].length) : '';
  const host = withoutClosing(authority.slice(login.length));
  const cut = mayBeCut ? host.search(AFTER_HOST) : -1;
  return { login, host: cut < 0 ? host : host.slice(0, cut), isCut: cut >= 0 };
}

function withoutClosing(text: string): string {
  // The bracket that closes an address is its own.
  const closing = text.startsWith('[') ? CLOSING.replace(']', '') : CLOSING;
  let end = text.length;
  while (end > 0 && closing.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
