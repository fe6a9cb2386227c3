import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Redis } from 'ioredis';
import type { Tick } from './tick.ts';

export interface WorkerHealth {
  readonly url: string;
  stop(): Promise<void>;
}

/** The tick looks every other second; so long without an answer means that this process is stuck. */
const WEDGED_AFTER_MS = 60_000;
const PING_MS = 2_000;

/**
 * The worker process's own `/livez` (about progress: 503 when Redis is connected, and yet no look of
 * the tick has been answered for a minute) and `/readyz` (about Redis). An outage of Redis itself is
 * no reason to be restarted.
 */
export async function startWorkerHealth(
  at: { host: string; port: number },
  worker: { tick: Tick; redis: Redis },
  now: () => number = Date.now,
): Promise<WorkerHealth> {
  const checks: Readonly<Record<string, () => Promise<boolean>>> = {
    '/livez': async () =>
      worker.redis.status !== 'ready' || now() - worker.tick.lastSeenAt() < WEDGED_AFTER_MS,
    '/readyz': () =>
      Promise.race([
        worker.redis.ping().then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), PING_MS).unref()),
      ]).catch(() => false),
  };

  const server = createServer(async (request, response) => {
    const check = checks[request.url ?? ''];
    const status = check ? ((await check()) ? 200 : 503) : 404;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: status === 200 ? 'ok' : 'not ok' }));
  });
  await listening(server, at);
  // A listening TCP server always has an address of this shape.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${at.host}:${port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listening(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, resolve);
  });
}
