import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Agent } from 'undici';
import type { Cleanup } from '../rig/cleanup.ts';
import type { Overheard } from './messages.ts';

/** What stands between the providers and the web process, and listens. */
export interface Wiretap {
  readonly url: string;
  /** Authentic deliveries that were answered 200, the latest few of each provider. */
  overheard(): Overheard[];
}

const KEPT_PER_PROVIDER = 12;
/** Of the connection, not of the delivery. */
const OWN = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive']);

/** Passes deliveries on, byte for byte. `origin`: the web process. */
export async function startWiretap(origin: string, cleanup: Cleanup): Promise<Wiretap> {
  const kept = new Map<string, Overheard[]>();
  const agent = new Agent({ connections: 32 });
  const server = createServer(async (request, response) => {
    try {
      const body = await buffer(request);
      const path = request.url ?? '/';
      const headers = Object.fromEntries(
        Object.entries(request.headers).flatMap(([name, value]) =>
          OWN.has(name) || typeof value !== 'string' ? [] : [[name, value]],
        ),
      );
      const answer = await agent.request({ origin, path, method: 'POST', headers, body });
      const text = await answer.body.text();
      if (answer.statusCode === 200) {
        const provider = path.split('/')[2] ?? '';
        const list = [
          ...(kept.get(provider) ?? []),
          { provider, path, headers, body: body.toString('base64') },
        ];
        kept.set(provider, list.slice(-KEPT_PER_PROVIDER));
      }
      response.writeHead(answer.statusCode).end(text);
    } catch {
      // As a load balancer would while nobody is behind it.
      response.writeHead(502).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.add(async () => {
    server.closeAllConnections();
    server.close();
    await agent.destroy();
  });
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, overheard: () => [...kept.values()].flat() };
}
