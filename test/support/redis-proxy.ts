import { connect, createServer, type Server, type Socket } from 'node:net';
import { createLatch } from './latch.ts';

/** The test run's Redis behind an address of its own, so that it can be away and come back. */
export interface RedisProxy {
  readonly url: string;
  /** How many connections are open through it. */
  connections(): number;
  /** Breaks every connection and takes no new ones. */
  cut(): Promise<void>;
  /** Takes connections again, at the same address. */
  mend(): Promise<void>;
  /** Stays connected, but passes nothing on. */
  freeze(): void;
  /** Keeps back the first command that holds this text, and what follows it on its connection. */
  holdFrom(text: string): { readonly reached: Promise<void>; release(): void };
  close(): Promise<void>;
}

/** @param options.reachable whether it takes connections from the start. */
export async function startRedisProxy(options = { reachable: true }): Promise<RedisProxy> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  let frozen = false;
  let held: Held | undefined;
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    const redis = track(connectToRedis());
    track(client).on('data', (bytes) => {
      const pass = (): boolean => redis.write(bytes);
      if (!frozen && !held?.keeps(client, bytes, pass)) pass();
    });
    redis.on('data', (bytes) => !frozen && client.write(bytes));
    clients.add(client);
    client.on('close', () => {
      clients.delete(client);
      redis.destroy();
    });
    redis.on('close', () => client.destroy());
  });
  const port = await listen(server, 0);
  const cut = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  if (!options.reachable) await cut();

  return {
    url: `redis://127.0.0.1:${port}`,
    connections: () => clients.size,
    cut,
    mend: async () => {
      frozen = false;
      await listen(server, port);
    },
    freeze: () => {
      frozen = true;
    },
    holdFrom: (text) => {
      const holding = holdFrom(text);
      held = holding;
      return {
        reached: holding.reached,
        release: () => {
          held = undefined;
          holding.release();
        },
      };
    },
    close: cut,
  };
}

interface Held {
  readonly reached: Promise<void>;
  /** Whether these bytes are kept until `release`, which then calls `pass`. */
  keeps(from: Socket, bytes: Buffer, pass: () => void): boolean;
  release(): void;
}

function holdFrom(text: string): Held {
  const reached = createLatch();
  const kept: (() => void)[] = [];
  let connection: Socket | undefined;
  return {
    reached: reached.opened,
    keeps: (from, bytes, pass) => {
      if (connection === undefined && bytes.includes(text)) connection = from;
      if (connection !== from) return false;
      kept.push(pass);
      reached.open();
      return true;
    },
    release: () => {
      for (const pass of kept.splice(0)) pass();
    },
  };
}

function connectToRedis(): Socket {
  const url = new URL(process.env['REDIS_URL'] ?? '');
  if (url.protocol === 'unix:') return connect(url.pathname);
  return connect(Number(url.port || 6379), url.hostname);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}
