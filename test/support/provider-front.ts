import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A door in front of a simulated provider that can be shut; gone when the test ends. */
export interface ProviderFront {
  readonly url: string;
  /** When each submission came to the shut door, Unix ms. */
  readonly turnedAway: readonly number[];
  /** Where everything goes while the door is open. */
  leadTo(url: string): void;
  /** Submissions (POST) are answered by an HTML 503, as by a proxy before a dead provider. */
  shut(): void;
  open(): void;
}

/** @param at its port; a free one unless given. */
export async function startProviderFront(at = 0): Promise<ProviderFront> {
  const turnedAway: number[] = [];
  let target = '';
  let isShut = false;
  const server = createServer((request, response) => {
    if (isShut && request.method === 'POST') {
      turnedAway.push(Date.now());
      request.resume();
      response.writeHead(503, { 'content-type': 'text/html' });
      response.end('<html><h1>503 Service Unavailable</h1></html>');
      return;
    }
    const { method, headers } = request;
    const onward = forward(target + (request.url ?? ''), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a TCP server's
  return {
    url: `http://127.0.0.1:${port}`,
    turnedAway,
    leadTo: (url) => {
      target = url;
    },
    shut: () => {
      isShut = true;
    },
    open: () => {
      isShut = false;
    },
  };
}
