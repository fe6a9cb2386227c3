import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import getPort, { portNumbers } from 'get-port';
import type { Cleanup } from './cleanup.ts';

const host = '127.0.0.1';

/**
 * A port of loopback that is free now, and that this process gives nobody else for a while. Two
 * processes must agree on it before either listens.
 * @param wanted answered if it is free.
 */
export function freePort(wanted?: number): Promise<number> {
  return getPort({ host, ...(wanted !== undefined && { port: wanted }) });
}

/** Hands out ports of this run alone, also while nobody listens on them. */
export type Ports = () => Promise<number>;

/**
 * Below the ports that systems give to outgoing connections and to "any free port": while one of our
 * processes is down, its port must not become somebody else's.
 */
const FIRST = 20_000;
const BLOCKS = 500;
const BLOCK_SIZE = 20;

/**
 * Claims a block of ports on loopback for as long as the run lasts. Whoever listens on a block's
 * first port owns it, so two runs at the same time never share one.
 */
export async function claimPorts(cleanup: Cleanup): Promise<Ports> {
  const start = Math.floor(Math.random() * BLOCKS);
  for (let tried = 0; tried < BLOCKS; tried++) {
    const first = FIRST + ((start + tried) % BLOCKS) * BLOCK_SIZE;
    const owner = await listenOn(first);
    if (!owner) continue;
    cleanup.add(() => owner.close());
    const last = first + BLOCK_SIZE - 1;
    return async () => {
      const port = await getPort({ host, port: portNumbers(first + 1, last), reserve: true });
      if (port > first && port <= last) return port;
      throw new Error('The run needs more ports than it has claimed.');
    };
  }
  throw new Error(`No block of ${BLOCK_SIZE} ports is free from ${FIRST} on.`);
}

/** Undefined when somebody listens there already. */
async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, host);
  return await once(server, 'listening').then(
    () => server,
    () => undefined,
  );
}
