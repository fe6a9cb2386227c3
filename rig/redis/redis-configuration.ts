import type { RedisServer } from './find-redis.ts';

/** A socket's path, or a port of loopback. */
export type RedisAddress = { readonly path: string } | { readonly port: number };

/** The text of redis.conf. @param changes other values, or more settings, by their names. */
export function configuration(
  server: RedisServer,
  address: RedisAddress,
  folder: string,
  changes: Readonly<Record<string, string>> = {},
): string {
  // 1024 instead of 64 keeps a BullMQ job of ordinary size in one compact piece: 908 → 560 bytes.
  const compactHashes = server.major < 7 ? 'hash-max-ziplist-value' : 'hash-max-listpack-value';
  const listens: Record<string, string> =
    'path' in address
      ? { port: '0', unixsocket: quoted(address.path), unixsocketperm: '700' }
      : { port: String(address.port), bind: '127.0.0.1' };
  const settings: Record<string, string> = {
    ...listens,
    daemonize: 'no',
    dir: quoted(folder),
    // What it says goes to its standard output, and so to the file that the supervisor names.
    logfile: '""',
    save: '""',
    appendonly: 'yes',
    appendfsync: 'everysec',
    maxmemory: '1gb',
    'maxmemory-policy': 'noeviction',
    // Redis looks at blocked clients' timeouts hz times a second; the default 10 makes delayed jobs late.
    hz: '100',
    'dynamic-hz': 'no',
    [compactHashes]: '1024',
    ...changes,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}

/** Redis reads quoted strings with the escapes that JSON has for the characters of a path. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
