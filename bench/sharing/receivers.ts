import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { Cleanup } from '../../rig/cleanup.ts';
import { monotonicMs } from '../clock.ts';

/** An app's own callback endpoint. */
export interface Receiver {
  /** Where the callback of the request of this name goes. */
  urlFor(name: string): string;
  /** When each request was first told: `monotonicMs`. */
  readonly told: ReadonlyMap<string, number>;
  /** How many calls came. */
  calls(): number;
}

/** Answers at once. */
export function startReceiver(cleanup: Cleanup): Promise<Receiver> {
  return start('127.0.0.1', cleanup, (_request, response) => {
    response.writeHead(204).end();
  });
}

/** Takes every call, by another host name, and never answers. */
export function startTarpit(cleanup: Cleanup): Promise<Receiver> {
  return start('localhost', cleanup, () => {});
}

async function start(host: string, cleanup: Cleanup, answer: RequestListener): Promise<Receiver> {
  const told = new Map<string, number>();
  let calls = 0;
  const server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? '';
    calls += 1;
    if (!told.has(name)) told.set(name, monotonicMs());
    request.resume();
    answer(request, response);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, host);
  await once(server, 'listening');
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { urlFor: (name) => `http://${host}:${port}/${name}`, told, calls: () => calls };
}
