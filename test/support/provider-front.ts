import { once } from 'node:events';
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
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
  /** Submissions that hold this text are turned away, whatever becomes of the others. */
  refuse(part: string, answer: TurnedAway): void;
  open(): void;
}

export interface TurnedAway {
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
  const refused: { part: string; answer: TurnedAway }[] = [];

  async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, headers } = request;
    const body = await buffer(request);
    if (method === 'POST') {
      bodies.push(body.toString());
      const turned = shut ?? refused.find(({ part }) => body.includes(part))?.answer;
      if (turned) {
        turnedAway.push(Date.now());
        response.writeHead(turned.status, turned.headers).end(turned.body);
        return;
      }
    }
    const onward = forward(target + (request.url ?? ''), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  }

  const server = createServer((request, response) => {
    answerTo(request, response).catch(() => response.destroy());
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
    refuse: (part, answer) => {
      refused.push({ part, answer });
    },
    open: () => {
      refused.length = 0;
      shut = undefined;
    },
  };
}
