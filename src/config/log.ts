import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { mayNeedRedaction, redact, redactText } from './redact.ts';

export type { Logger };

/**
 * The logger: one JSON line each, on standard output.
 *
 * Standard fields: `generation`, `provider`, `tenant`, `queue`, `job`, `from`, `to`, `event`,
 * `reason`, `attempt`, `durationMs`, `err`. One `info` line per finished unit of work; `warn` for
 * what was handled but is unusual; `error` when somebody must look.
 *
 * Whatever got into a line, message, field, key or stack, is written without URLs beyond their host
 * and without credentials: see redact.ts.
 *
 * @param secretValues blotted out wherever they would appear, however they got into a line.
 * @param stream standard output unless given.
 */
export function createLogger(
  level: string,
  secretValues: readonly string[] = [],
  stream: DestinationStream = destination(1),
): Logger {
  const blot = blotter(secretValues);
  const streamWrite = (line: string): string => redactLine(blot(line));
  const options = {
    level,
    base: null,
    serializers: { err: describeError },
    hooks: { streamWrite },
  };
  return pino(options, stream);
}

/** JSON may be a text in JSON, which is a text in the line's JSON. */
const JSON_LEVELS = 3;

/** Takes secrets out of a line: as they are, as JSON spells them, and as URLs do. */
function blotter(secretValues: readonly string[]): (line: string) => string {
  // The longest first: one may be a part of another, whose rest would stay readable.
  const secrets = [...new Set(secretValues)].sort((a, b) => b.length - a.length);
  const plain = [...new Set(secrets.flatMap(inJson))];
  const encoded = secrets.map(percentEncoded);
  return (line) => {
    const rest = plain.reduce((text, secret) => text.replaceAll(secret, '[secret]'), line);
    if (!rest.includes('%')) return rest;
    return encoded.reduce((text, secret) => text.replace(secret, '[secret]'), rest);
  };
}

/** At every level, the deepest first: its spelling may hold the others. */
function inJson(secret: string): string[] {
  const spellings = [secret];
  for (let level = 0; level < JSON_LEVELS; level++) {
    spellings.unshift(JSON.stringify(spellings[0]).slice(1, -1));
  }
  return spellings;
}

/** The secret with any of its characters percent-encoded, however often: encoders differ in which. */
function percentEncoded(secret: string): RegExp {
  const characters = [...secret].map((character) => {
    const octets = [...Buffer.from(character)].map((octet) => octet.toString(16).padStart(2, '0'));
    const itself = character === ' ' ? '[ +]' : character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
    return `(?:${itself}|${octets.map((octet) => `%(?:25)*${octet}`).join('')})`;
  });
  return new RegExp(characters.join(''), 'giu');
}

/** Most lines hold nothing to take out, and are not even parsed. */
function redactLine(line: string): string {
  if (!mayNeedRedaction(line)) return line;
  try {
    return `${JSON.stringify(redact(JSON.parse(line)))}\n`;
  } catch {
    // A secret that was taken out was part of the JSON itself: then the line is told as a text.
    return `${JSON.stringify({ msg: redactText(line) })}\n`;
  }
}

/** What may be said of an error. A Redis error carries its command, and so job data: left out. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error ? String(error.code) : undefined;
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return { type: error.name, code, message: error.message, cause, stack: error.stack };
}

const QUIET_MS = 30_000;

/**
 * For connection errors, which come with every try to connect again: the first is reported, and
 * then at most one in half a minute.
 */
export function onceInAWhile(report: (error: Error) => void): (error: Error) => void {
  let quietUntil = 0;
  return (error) => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + QUIET_MS;
    report(error);
  };
}
