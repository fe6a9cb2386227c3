/**
 * What may be kept of anything that went over the wire: its shape, the words that mean something,
 * and a typed placeholder for whatever is private, signed, large or different every time.
 */

/** What is never repeated, and is not told by its looks alone. */
export interface Private {
  /** Keys and the like, replaced wherever they stand. */
  readonly secrets: readonly string[];
  /** Names of tasks, by which an account's owner could be found. */
  readonly ids: readonly string[];
}

/** Longer than any status, code or sentence that an adapter reads. */
const LONGEST_TEXT = 200;
/** What is longer is not even looked through. */
const MOST_READ = 20_000;
const MOST_ITEMS = 20;
const MOST_DEPTH = 12;

/** Whatever such a field holds is a secret or a person's. */
const PRIVATE_FIELD = /token|secret|passw|authoriz|signature|api_?key|e-?mail|user_?name|^name$/i;

const DATA_URI = /\bdata:(?:(?:image|video|audio|application|text)\/[\w.+-]+)?(?:;[\w=-]+)*,\S*/gi;
const URL_TEXT = /\bhttps?(?::|%3a)(?:\/|%2f){2}[^\s"'<>]*/gi;
const EMAIL = /[\w.+-]+@[\w-]+\.[\w.-]+/g;
const TIME = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\w:.+-]*/g;
const ADDRESS = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g;
/** A long run without a space that holds a digit, or is long beyond any word: an id, key or bytes. */
const RUN = /[\w+/=.:~-]{16,}/g;
const BASE64_LENGTH = 200;

/** A text with placeholders for all of that. What holds JSON becomes its shape. */
export function shapeOfText(text: string, about: Private): string {
  if (text.length > MOST_READ)
    return /\s/.test(text.slice(0, BASE64_LENGTH)) ? '<text>' : '<base64>';
  let shown = text;
  for (const secret of about.secrets) shown = shown.replaceAll(secret, '<secret>');
  shown = shown
    .replace(DATA_URI, '<data-uri>')
    .replace(URL_TEXT, (url) => `<url${ending(url)}>`)
    .replace(EMAIL, '<email>')
    .replace(TIME, '<time>')
    .replace(ADDRESS, '<address>');
  for (const id of about.ids)
    if (id.length > 3 || shown === id) shown = shown.replaceAll(id, '<id>');
  shown = shown.replace(RUN, (run) => {
    if (run.length >= BASE64_LENGTH) return '<base64>';
    return /\d/.test(run) && !isSlug(run) ? '<id>' : run.length > 64 ? '<token>' : run;
  });
  return shown.length > LONGEST_TEXT ? '<text>' : shown;
}

/** What a link leads to, by the end of its path: that is what adapters may go by. */
function ending(url: string): string {
  return /(\.(?:png|jpe?g|webp|gif|mp4|json))(?:$|[?#])/i.exec(url)?.[1]?.toLowerCase() ?? '';
}

/** The name of a model, such as `fal-ai/fashn/tryon/v1.6`: words, with a short number here or there. */
function isSlug(run: string): boolean {
  return run.split(/[/.:_-]/).every((part) => /^(?:[a-z]{1,16}|[a-z]{0,6}\d{1,2})$/i.test(part));
}

/** A JSON value with placeholders; lists keep their first items. */
export function shapeOfValue(value: unknown, about: Private, depth = 0): unknown {
  if (depth > MOST_DEPTH) return '<deep>';
  if (typeof value === 'string') return shapeOfString(value, about, depth);
  if (typeof value === 'number') {
    const isId = about.ids.includes(String(value)) || Math.abs(value) >= 1e8;
    return isId ? '<number>' : value;
  }
  if (Array.isArray(value)) {
    return value.slice(0, MOST_ITEMS).map((item) => shapeOfValue(item, about, depth + 1));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      shapeOfText(name, about),
      PRIVATE_FIELD.test(name) && typeof item === 'string'
        ? '<secret>'
        : shapeOfValue(item, about, depth + 1),
    ]),
  );
}

/** A string that is JSON itself is kept as `{ '<json>': … }`. */
function shapeOfString(text: string, about: Private, depth: number): unknown {
  if (!/^\s*[[{]/.test(text)) return shapeOfText(text, about);
  try {
    return { '<json>': shapeOfValue(JSON.parse(text), about, depth + 1) };
  } catch {
    return shapeOfText(text, about);
  }
}

/** As it came, where it is no encoding of anything. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** `/v1/status/{id}?taskId`: of the query the names, of the host nothing. */
export function templateOf(url: string, about: Private, base = ''): string {
  const { pathname, searchParams } = new URL(url);
  const path = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  const parts = path.split('/').map((part) => {
    const text = decoded(part);
    if (about.ids.includes(text) || /^\d+$/.test(text)) return '{id}';
    const shown = shapeOfText(text, about);
    return shown === text ? text : '{id}';
  });
  const names = [...new Set(searchParams.keys())].map((name) => shapeOfText(name, about));
  return parts.join('/') + (names.length > 0 ? `?${names.sort().join('&')}` : '');
}
