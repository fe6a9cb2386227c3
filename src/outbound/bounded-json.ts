/**
 * JSON from outside: webhooks, answers of providers, requests of apps. `JSON.parse` itself bears any
 * nesting, but nearly everything that is done with its value afterwards goes down one call per level,
 * and 5,000 brackets end in a stack overflow. So nesting is counted in the text, before the value
 * exists; how long the text may be is for whoever read it to say.
 */

/** No provider and no app has been seen to go deeper than ten. */
export const MAX_JSON_DEPTH = 64;

/** Why a text is no JSON that we take. The messages quote nothing of it. */
export class UnreadableJson extends Error {
  readonly why: 'malformed' | 'too-deep';

  constructor(why: 'malformed' | 'too-deep') {
    super(why === 'malformed' ? 'not JSON' : `nested deeper than ${MAX_JSON_DEPTH} levels`);
    this.name = 'UnreadableJson';
    this.why = why;
  }
}

/**
 * A byte order mark, which some servers write, is passed over: an answer that was paid for must not
 * be lost to it. @throws UnreadableJson
 */
export function parseJson(given: string): unknown {
  const text = given.startsWith(BYTE_ORDER_MARK) ? given.slice(1) : given;
  if (isTooDeep(text)) throw new UnreadableJson('too-deep');
  try {
    return JSON.parse(text);
  } catch {
    // Not passed on as the cause: the parser's message quotes the text.
    throw new UnreadableJson('malformed');
  }
}

const BYTE_ORDER_MARK = '\uFEFF';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** By hand, in one pass: a pattern for strings backtracks on what a stranger can write. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return true;
    } else if (code === 0x5d || code === 0x7d) {
      depth -= 1;
    }
  }
  return false;
}

/** Where the string that opens here is closed; the end of the text when it is not. */
function endOfString(text: string, open: number): number {
  for (let at = open + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
}
