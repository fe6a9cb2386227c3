import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A door in front of a simulated provider that can be shut; gone when the test ends. */
export interface ProviderFront {
  readonly url: string;
  /** When each submission came to the shut door, Unix ms. */
  readonly turnedAway: readonly number[];
  /** How many submissions that hold this text have come, to a shut door or an open one. */
  asked(text: string): number;
  /** Where everything goes while the door is open. */
  leadTo(url: string): void;
  /** Submissions (POST) are turned away, unless told otherwise as a proxy before a dead provider does. */
  shut(answer?: TurnedAway): void;
  open(): void;
}

interface TurnedAway {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const DEAD: TurnedAway = {
  status: 503,
  headers: { 'content-type': 'text/html' },
  body: '<html><h1>503 Service Unavailable</h1></html>',
};

/** @param at its port; a free one unless given. */
export async function startProviderFront(at = 0): Promise<ProviderFront> {
  const turnedAway: number[] = [];
  const bodies: string[] = [];
  let target = '';
  let shut: TurnedAway | undefined;
  const server = createServer((request, response) => {
    if (request.method === 'POST') void text(request).then((body) => bodies.push(body));
    if (shut && request.method === 'POST') {
      turnedAway.push(Date.now());
      response.writeHead(shut.status, shut.headers).end(shut.body);
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
    asked: (part) => bodies.filter((body) => body.includes(part)).length,
    leadTo: (url) => {
      target = url;
    },
    shut: (answer = DEAD) => {
      shut = answer;
    },
    open: () => {
      shut = undefined;
    },
  };
}
