import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';

/** One request as a stand-in provider received it. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The body as it came, for multipart. */
  readonly bytes: Buffer;
}

export interface LoopbackServer {
  readonly url: string;
  readonly received: Received[];
  /** Connections accepted so far. */
  connections(): number;
  close(): Promise<void>;
}

type Reply = (request: Received, ...raw: Parameters<RequestListener>) => void;

/** A stand-in provider on a free loopback port. It records every request, then calls `reply`. */
export async function loopbackServer(reply: Reply): Promise<LoopbackServer> {
  const received: Received[] = [];
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer); // Node types chunks as any
    const { method = '', url = '', headers } = req;
    const bytes = Buffer.concat(chunks);
    const one = { method, url, headers, body: bytes.toString(), bytes };
    received.push(one);
    reply(one, req, res);
  });
  return { received, ...(await listening(server)) };
}

/** A server that speaks raw TCP, for answers that no HTTP server would give. */
export async function rawServer(onData: (socket: Socket) => void): Promise<LoopbackServer> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => onData(socket));
  });
  return { received: [], ...(await listening(server)) };
}

/** Answers every request with this status, these headers and this body. */
export function always(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return (_request, _req, res) => res.writeHead(status, headers).end(text);
}

async function listening(server: Server) {
  let connections = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
