import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { type Logger, onceInAWhile } from '../config/log.ts';
import { endsWithin, stopTimes } from '../config/orderly-stop.ts';
import { queueNames } from '../config/queues.ts';
import { producerConnection, redisTarget } from '../config/redis.ts';
import { connectionErrors } from '../config/redis-errors.ts';
import type { Settings } from '../config/settings.ts';
import { createEnqueue } from '../producers/enqueue.ts';
import { createQueueSet } from '../producers/queue-set.ts';
import { createReceiveWebhook } from '../producers/receive-webhook.ts';
import { createRequestGeneration } from '../producers/request-generation.ts';
import type { ProviderAdapter } from '../providers/provider.ts';
import { openCircuits } from '../store/circuit.ts';
import { keysOf } from '../store/keys.ts';
import { createMailbox } from '../store/mailbox.ts';
import { createStore } from '../store/store.ts';
import { createSubscribers } from '../store/subscribers.ts';
import { createApp } from './app.ts';
import { createBoard } from './bull-board.ts';
import { createAuthenticator } from './credentials.ts';
import { createBoundedServer } from './server.ts';

export interface WebProcess {
  /** Where it listens, for example `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly redis: Redis;
  /**
   * Takes no new connections, lets requests under way finish, closes every connection; all within
   * SHUTDOWN_MS. Who is cut off then, such as an app that sends its body too slowly, was answered
   * nothing and may repeat it.
   */
  stop(): Promise<void>;
}

/**
 * Starts the web process: API, webhooks, health and Bull Board. Redis may be away: requests are
 * then answered 503 until it is there.
 * @throws the system's error when the port cannot be used.
 */
export async function startHttp(
  settings: Settings & { REDIS_URL: string },
  providers: ReadonlyMap<string, ProviderAdapter>,
  log: Logger,
  now: () => number = Date.now,
): Promise<WebProcess> {
  const keys = keysOf(settings.REDIS_NAMESPACE);
  const connect = (): Redis => {
    const client = new Redis(redisTarget(settings.REDIS_URL), producerConnection);
    client.on('error', connectionErrors(log, 'redis connection'));
    return client;
  };
  const redis = connect();
  const store = createStore({ redis, keys, retentionMs: settings.RETENTION_MS });
  const queueSet = (connection: Redis, failFast: boolean) =>
    createQueueSet({ connection, prefix: keys.prefix, failFast, log });
  const queues = queueSet(redis, true);
  const enqueue = createEnqueue(queues);

  // The board asks a lot; it must not hold up a webhook on the same connection.
  const boardRedis = settings.BOARD_PASSWORD ? connect() : undefined;
  const boardQueues = boardRedis && queueSet(boardRedis, false);
  const board =
    boardRedis && boardQueues && settings.BOARD_PASSWORD
      ? {
          user: settings.BOARD_USER,
          password: settings.BOARD_PASSWORD,
          router: createBoard({
            queues: boardQueues,
            providers: [...providers.keys()],
            subscriberNames: createSubscribers({ redis: boardRedis, keys }).names,
            writable: settings.BOARD_WRITABLE,
            now,
          }),
        }
      : undefined;

  const app = createApp({
    redis,
    store,
    enqueue,
    requestGeneration: createRequestGeneration({
      store,
      enqueue,
      providers,
      publicUrl: settings.PUBLIC_URL,
      allowInsecureUrls: settings.ALLOW_INSECURE_URLS,
      maxQueuedMs: settings.MAX_QUEUED_MS,
      now,
      onSubmitJobLost: (err, generation) =>
        log.warn({ generation: generation.id, err }, 'accepted; the schedule will submit it'),
    }),
    receiveWebhook: createReceiveWebhook(enqueue, createMailbox({ redis, keys })),
    providers,
    tenantOf: createAuthenticator(settings.API_KEYS),
    secrets: settings.CATWALK_SECRET,
    publicUrl: settings.PUBLIC_URL,
    filesFolder: settings.FILES_DIR,
    pollProfiles: settings.POLL_PROFILES,
    openCircuits: (provider) => openCircuits(redis, keys, provider),
    heldForMs: ({ name, limits }) =>
      queues.get(queueNames.submit(name)).getRateLimitTtl(limits.submits.max),
    now,
    limits: {
      maxBodyBytes: settings.MAX_BODY_BYTES,
      maxWebhookBytes: settings.MAX_WEBHOOK_BYTES,
    },
    trustProxy: settings.TRUST_PROXY,
    ...(board && { board }),
    log,
  });

  const server = createBoundedServer(
    app,
    { requestMs: settings.REQUEST_TIMEOUT_MS, connections: settings.MAX_CONNECTIONS },
    onceInAWhile((err) => log.warn({ err }, 'connections refused')),
  );
  await listen(server, settings.PORT, settings.HOST);
  // A listening TCP server always has an address of this shape.
  const { port } = server.address() as AddressInfo;
  const host = settings.HOST.includes(':') ? `[${settings.HOST}]` : settings.HOST;

  return {
    url: `http://${host}:${port}`,
    redis,
    async stop() {
      const { callsMs, closeMs } = stopTimes(settings.SHUTDOWN_MS);
      const closed = new Promise((resolve) => server.close(resolve));
      if (!(await endsWithin(closed, callsMs))) server.closeAllConnections();
      await endsWithin(Promise.all([queues.close(), boardQueues?.close()]), closeMs);
      redis.disconnect();
      boardRedis?.disconnect();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
