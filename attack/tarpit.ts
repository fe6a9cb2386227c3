import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A callback receiver with a trap at each path: `/<kind>/<anything>`. */
export interface Tarpit {
  readonly url: string;
  readonly kinds: readonly string[];
  /** How often each path was called. */
  visits(): readonly { kind: string; times: number }[];
  close(): Promise<void>;
}

const DRIP_MS = 500;
const YEARS_S = 10 * 365 * 24 * 3_600;
const PAGE = `<html>${'<p>thank you</p>'.repeat(1_100)}</html>`;

const TRAPS: Readonly<Record<string, (to: ServerResponse, at: IncomingMessage) => void>> = {
  silent: () => {},
  'slow-headers': (to) => {
    to.socket?.write('HTTP/1.1 200 OK\r\n');
    drip(to, 'X: y\r\n');
  },
  trickle: (to) => {
    to.socket?.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
    drip(to, 'x');
  },
  html: (to) => to.writeHead(200, { 'content-type': 'text/html' }).end(PAGE),
  circle: (to, at) => to.writeHead(307, { location: at.url?.replace('circle', 'elsewhere') }).end(),
  years: (to) => to.writeHead(503, { 'retry-after': String(YEARS_S) }).end(),
  'years-in-words': (to) =>
    to.writeHead(429, { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' }).end(),
  gone: (to) => to.writeHead(410).end(),
  hangup: (to) => to.socket?.destroy(),
};

function drip(to: ServerResponse, what: string): void {
  const timer = setInterval(() => to.socket?.write(what), DRIP_MS);
  to.socket?.once('close', () => clearInterval(timer));
}

/** Listens on loopback until it is closed. */
export async function startTarpit(): Promise<Tarpit> {
  const visits = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    visits.set(path, (visits.get(path) ?? 0) + 1);
    request.resume();
    TRAPS[path.split('/')[1] ?? '']?.(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    kinds: Object.keys(TRAPS),
    visits: () => [...visits].map(([path, times]) => ({ kind: path.split('/')[1] ?? '', times })),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
