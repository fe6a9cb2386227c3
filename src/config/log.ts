import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger };

/**
 * The logger: one JSON line each, on standard output.
 *
 * Standard fields: `generation`, `provider`, `tenant`, `queue`, `job`, `from`, `to`, `event`,
 * `reason`, `attempt`, `durationMs`, `err`. One `info` line per finished unit of work; `warn` for
 * what was handled but is unusual; `error` when somebody must look.
 *
 * @param secretValues blotted out wherever they would appear, however they got into a line.
 * @param stream standard output unless given.
 */
export function createLogger(
  level: string,
  secretValues: readonly string[] = [],
  stream: DestinationStream = destination(1),
): Logger {
  const spellings = secretValues.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one may be a part of another, whose rest would stay readable.
  const secrets = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  const streamWrite = (line: string): string =>
    secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), line);
  const options = {
    level,
    base: null,
    serializers: { err: describeError },
    hooks: { streamWrite },
  };
  return pino(options, stream);
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
