import { connect, createServer, type Server, type Socket } from 'node:net';

/** The test run's Redis behind an address of its own, so that it can be away and come back. */
export interface RedisProxy {
  readonly url: string;
  /** Breaks every connection and takes no new ones. */
  cut(): Promise<void>;
  /** Takes connections again, at the same address. */
  mend(): Promise<void>;
  /** Stays connected, but passes nothing on. */
  freeze(): void;
  close(): Promise<void>;
}

/** @param options.reachable whether it takes connections from the start. */
export async function startRedisProxy(options = { reachable: true }): Promise<RedisProxy> {
  const sockets = new Set<Socket>();
  let frozen = false;
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    const redis = track(connectToRedis());
    track(client).on('data', (bytes) => !frozen && redis.write(bytes));
    redis.on('data', (bytes) => !frozen && client.write(bytes));
    client.on('close', () => redis.destroy());
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
    cut,
    mend: async () => {
      frozen = false;
      await listen(server, port);
    },
    freeze: () => {
      frozen = true;
    },
    close: cut,
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
