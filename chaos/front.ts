import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent } from 'undici';
import type { Mischief } from './plan.ts';

/** The one address in front of the web processes, which survives their deaths. */
export interface Front {
  readonly url: string;
  /** Webhooks that arrived here, and what was done to them. */
  readonly webhooks: Readonly<Record<Mischief['kind'], number>>;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const CONNECTIONS = 64;
const ANSWER_MS = 12_000;
/** A request that no web process took may be offered to the next; the rest of its way is its own. */
const NOT_TAKEN = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);

/**
 * A round-robin load balancer over `ports` on loopback. What happens to webhooks on their way is
 * `mischief`'s: lost with or without having arrived, doubled, or late enough to be overtaken.
 */
export async function startFront(
  ports: readonly number[],
  mischief: (n: number) => Mischief,
): Promise<Front> {
  const agent = new Agent({ connections: CONNECTIONS, headersTimeout: ANSWER_MS });
  const webhooks = { none: 0, 'lose-request': 0, 'lose-answer': 0, double: 0, delay: 0 };
  let turn = 0;
  let arrived = 0;

  async function forward(request: IncomingMessage, body: Buffer): Promise<Answer> {
    for (const _ of ports) {
      const port = ports[turn++ % ports.length];
      try {
        const answer = await agent.request({
          origin: `http://127.0.0.1:${port}`,
          path: request.url ?? '/',
          method: request.method ?? 'GET',
          headers: withoutHops(request.headers),
          body: body.length > 0 ? body : null,
        });
        const headers = withoutHops(answer.headers);
        return {
          status: answer.statusCode,
          headers,
          body: Buffer.from(await answer.body.arrayBuffer()),
        };
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        // It may have been taken: what a load balancer says then is "bad gateway".
        if (!NOT_TAKEN.has(code)) return { status: 502, headers: {}, body: Buffer.alloc(0) };
      }
    }
    return { status: 503, headers: { 'retry-after': '1' }, body: Buffer.alloc(0) };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bytesOf(request);
    const isWebhook = request.url?.startsWith('/webhooks/') ?? false;
    const { kind, delayMs } = isWebhook ? mischief(arrived++) : NO_MISCHIEF;
    if (isWebhook) webhooks[kind] += 1;
    if (kind === 'lose-request') return void request.socket.destroy();
    if (kind === 'delay') await wait(delayMs);
    if (kind === 'double') void forward(request, body);
    const answer = await forward(request, body);
    if (kind === 'lose-answer') return void request.socket.destroy();
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;

  return {
    url: `http://127.0.0.1:${port}`,
    webhooks,
    async close() {
      server.closeAllConnections();
      server.close();
      await agent.destroy();
    },
  };
}

const NO_MISCHIEF: Mischief = { kind: 'none', delayMs: 0 };

function withoutHops(headers: IncomingMessage['headers']): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // A request's chunks are Buffers as long as no encoding is set.
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
