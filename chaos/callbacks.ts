import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { isNoisy, type Tenant } from './tenants.ts';

/** The tenants' own callback endpoints. The noisy one's takes every call and answers none. */
export interface Callbacks {
  urlFor(tenant: Tenant): string;
  /** When each generation was first called back and that was answered, Unix ms. */
  readonly calledAtMs: ReadonlyMap<string, number>;
  close(): void;
}

const Event = z.object({ data: z.object({ generationId: z.string() }) });

export async function startCallbacks(): Promise<Callbacks> {
  const calledAtMs = new Map<string, number>();
  const answering = await listen('127.0.0.1', async (request, response) => {
    const { data } = Event.parse(JSON.parse(await text(request)));
    if (!calledAtMs.has(data.generationId)) calledAtMs.set(data.generationId, Date.now());
    response.writeHead(204).end();
  });
  // By another host name: what is done about an endpoint may be done about its whole host.
  const silent = await listen('localhost', (request) => void request.resume());
  return {
    urlFor: (tenant) => (isNoisy(tenant) ? silent.url : answering.url),
    calledAtMs,
    close() {
      for (const { server } of [answering, silent]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

async function listen(
  host: string,
  answer: RequestListener,
): Promise<{ server: Server; url: string }> {
  const server = createServer(answer);
  server.keepAliveTimeout = 60_000;
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { server, url: `http://${host}:${port}/callback` };
}
