import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Redis } from 'ioredis';
import { onceInAWhile } from '../config/log.ts';
import { endsWithin, stopTimes } from '../config/orderly-stop.ts';
import { queueNames } from '../config/queues.ts';
import type { Core } from '../core.ts';
import { createQueueSet } from '../producers/queue-set.ts';
import { createReceiveWebhook } from '../producers/receive-webhook.ts';
import { openCircuits } from '../store/circuit.ts';
import { openConnection } from '../store/connection.ts';
import { enableEndpoint, endpointsInTrouble } from '../store/endpoints.ts';
import { createMailbox } from '../store/mailbox.ts';
import { createSubscribers } from '../store/subscribers.ts';
import { createApp } from './app.ts';
import { createBoard } from './bull-board.ts';
import { createAuthenticator } from './credentials.ts';
import { createKnownLimits } from './known-limits.ts';
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
 * Starts the web process: API, webhooks, health and Bull Board, on a core that fails while Redis is
 * away: requests are then answered 503 until it is there.
 * @throws the system's error when the port cannot be used.
 */
export async function startHttp(core: Core): Promise<WebProcess> {
  const { settings, providers, redis, keys, queues, enqueue, now, log } = core;
  const board = openBoard(core);
  const app = createApp({
    ...{ redis, providers, enqueue, now, log, store: core.store },
    usage: core.usage,
    ...{ vault: core.vault, showResults: core.showResults },
    requestGeneration: core.requestGeneration,
    receiveWebhook: createReceiveWebhook(enqueue, createMailbox({ redis, keys })),
    tenantOf: createAuthenticator(core.tenants),
    secrets: settings,
    publicUrl: settings.PUBLIC_URL,
    filesFolder: settings.FILES_DIR,
    pollProfiles: settings.POLL_PROFILES,
    openCircuits: (provider) => openCircuits(redis, keys, provider),
    heldForMs: ({ name, limits }) =>
      queues.get(queueNames.submit(name)).getRateLimitTtl(limits.submits.max),
    quotaOf: createKnownLimits({
      ...{ redis, keys, now },
      creditsOf: (provider) => settings.providers[provider]?.credits ?? {},
    }),
    callbackEndpoints: {
      inTrouble: (tenant) => endpointsInTrouble(core, tenant),
      enable: (tenant, endpoint) => enableEndpoint(core, tenant, endpoint),
    },
    limits: {
      maxBodyBytes: settings.MAX_BODY_BYTES,
      maxWebhookBytes: settings.MAX_WEBHOOK_BYTES,
    },
    trustProxy: settings.TRUST_PROXY,
    ...(board && { board }),
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
      await endsWithin(Promise.all([core.close(), board?.close()]), closeMs);
      core.end();
      board?.end();
    },
  };
}

/** The board asks a lot; it must not hold up a webhook on the same connection. */
function openBoard({ settings, providers, keys, now, log }: Core) {
  const { BOARD_USER: user, BOARD_PASSWORD: password } = settings;
  if (!password) return undefined;
  const { redis, end } = openConnection({ url: settings.REDIS_URL, whileAway: 'fail', log });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  const router = createBoard({
    queues,
    providers: [...providers.keys()],
    subscriberNames: createSubscribers({ redis, keys }).names,
    writable: settings.BOARD_WRITABLE,
    now,
  });
  return { user, password, router, close: queues.close, end };
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
