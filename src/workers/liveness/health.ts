import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Redis } from 'ioredis';
import type { Watch } from './watch.ts';

export interface WorkerHealth {
  readonly url: string;
  stop(): Promise<void>;
}

const PING_MS = 2_000;
/** Health checks are few and quick; whoever else comes here shall not keep a connection. */
const BOUNDS = { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000 };
const MOST_CONNECTIONS = 100;

/**
 * The worker process's own `/livez` (about progress: 503 with the reasons when it should be
 * restarted) and `/readyz` (about Redis).
 */
export async function startWorkerHealth(
  at: { host: string; port: number },
  worker: { watch: Pick<Watch, 'problems'>; redis: Redis },
): Promise<WorkerHealth> {
  /** What is wrong, in words. */
  const checks: Readonly<Record<string, () => Promise<string[]>>> = {
    '/livez': async () => worker.watch.problems(),
    '/readyz': async () => ((await answers(worker.redis)) ? [] : ['Redis does not answer']),
  };

  const server = createServer(BOUNDS, async (request, response) => {
    const problems = await checks[request.url ?? '']?.();
    const status = problems ? (problems.length === 0 ? 200 : 503) : 404;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: status === 200 ? 'ok' : 'not ok', problems }));
  });
  server.maxConnections = MOST_CONNECTIONS;
  await listening(server, at);
  // A listening TCP server always has an address of this shape.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${at.host}:${port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function answers(redis: Redis): Promise<boolean> {
  return Promise.race([
    redis.ping().then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), PING_MS).unref()),
  ]).catch(() => false);
}

function listening(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, resolve);
  });
}
