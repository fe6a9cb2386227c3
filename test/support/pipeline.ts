import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { SimulatorOptions } from '../../simulator/index.ts';
import type { Logger } from '../../src/config/log.ts';
import { queueNames } from '../../src/config/queues.ts';
import { readProcessSettings } from '../../src/config/start-up.ts';
import { assemble } from '../../src/core.ts';
import type { CompletionEvent } from '../../src/generation/jobs.ts';
import type { representation } from '../../src/http/representation.ts';
import { startHttp } from '../../src/http/start.ts';
import { type Catwalk, connectCatwalk } from '../../src/index.ts';
import { connectProviders } from '../../src/providers/connect.ts';
import { accountWide } from '../../src/providers/provider.ts';
import type { ProviderFactory } from '../../src/providers/provider-settings.ts';
import { keysOf } from '../../src/store/keys.ts';
import { createStore } from '../../src/store/store.ts';
import { startWorkers, type WorkerProcess } from '../../src/workers/start.ts';
import { NO_TURNS } from './no-turns.ts';
import {
  API_KEY,
  type Env,
  fastSimulator,
  type Patience,
  PROVIDERS,
  type ProviderName,
  pipelineEnv,
} from './pipeline-settings.ts';
import { type Asked, requestBody } from './provider-messages.ts';
import { connectTestRedis } from './redis.ts';
import { until } from './until.ts';

export * from './pipeline-settings.ts';
export * from './provider-messages.ts';

export type Shown = ReturnType<typeof representation>;

export interface PipelineOptions {
  /** Settings that differ from the fast ones below. */
  readonly env?: Env;
  readonly patience?: Patience;
  /** False: no public URL, so that no provider can call us. */
  readonly webhooks?: boolean;
  /** False: none until `startWorkers` is called. */
  readonly workers?: boolean;
  readonly simulator?: SimulatorOptions;
  /** Other adapters than the built-in ones. */
  readonly factories?: ReadonlyMap<string, ProviderFactory>;
  /** Another Redis than the one of this test run. */
  readonly redisUrl?: string;
  /** For tests that run side by side: their own context's hook. */
  readonly onFinished?: (end: () => Promise<void>) => void;
}

interface Sent {
  readonly body?: unknown;
  /** The app's own idempotency key. */
  readonly key?: string;
}

/** Everything between an app and a provider but the processes around it; gone when the test ends. */
export async function setupPipeline(options: PipelineOptions = {}) {
  const ends: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  (options.onFinished ?? onTestFinished)(close);

  const { redis, close: closeRedis } = connectTestRedis(options.redisUrl);
  const namespace = `p-${randomUUID()}`;
  const keys = keysOf(namespace);
  ends.push(async () => {
    for await (const found of redis.scanStream({ match: `${keys.prefix}*`, count: 1_000 })) {
      if (found.length > 0) await redis.unlink(...(found as string[]));
    }
    await closeRedis();
  });

  const simulator = await fastSimulator(options.simulator);
  ends.push(simulator.close);
  const lines: { msg: string; [field: string]: unknown }[] = [];
  const log: Logger = pino({ level: 'debug' }, { write: (text) => lines.push(JSON.parse(text)) });
  let clockAheadMs = 0;
  const now = (): number => Date.now() + clockAheadMs;

  const baseEnv = {
    ...pipelineEnv(simulator.url, namespace, options.patience),
    ...(options.redisUrl && { REDIS_URL: options.redisUrl }),
    ...options.env,
  };
  const hasWebhooks = options.webhooks !== false;
  // The web process asks only whether there is a public URL; the workers get the real one.
  const webEnv = { ...baseEnv, ...(hasWebhooks && { PUBLIC_URL: 'http://127.0.0.1' }) };
  const webSettings = readProcessSettings(webEnv, { apiKeys: true });
  const webProviders = connectProviders(webSettings, options.factories);
  ends.push(webProviders.close);
  const startWebAt = (port: number) =>
    startHttp(
      assemble(
        { settings: { ...webSettings, PORT: port }, ...webProviders, log },
        { whileAway: 'fail', now },
      ),
    );
  const web = await startWebAt(0);
  let running: typeof web | undefined = web;
  async function stopWeb(): Promise<void> {
    const stopped = running;
    running = undefined;
    await stopped?.stop();
  }
  ends.push(stopWeb);
  const env: Env = { ...baseEnv, ...(hasWebhooks && { PUBLIC_URL: web.url }) };

  /** One more worker process's worth of workers. */
  async function startMoreWorkers(changes: Env = {}): Promise<WorkerProcess> {
    const settings = readProcessSettings({ ...env, ...changes }, { apiKeys: false });
    const connected = connectProviders(settings, options.factories);
    const core = assemble({ settings, ...connected, log }, { whileAway: 'wait', now });
    const workers = await startWorkers(core, connected.giveUpCalls);
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= workers.stop().then(connected.close);
      return stopping;
    };
    ends.push(stop);
    return { ...workers, stop };
  }

  /** The library, as an app's own process would use it. */
  async function connect(changes: Env = {}): Promise<Catwalk> {
    const catwalk = await connectCatwalk({ ...env, LOG_LEVEL: 'silent', ...changes });
    let closing: Promise<void> | undefined;
    const closeOnce = (): Promise<void> => {
      closing ??= catwalk.close();
      return closing;
    };
    ends.push(closeOnce);
    return { ...catwalk, close: closeOnce };
  }

  const events: CompletionEvent[] = [];
  const catwalk = await connect();
  await catwalk.onCompletion('recorder', (event) => {
    events.push(event);
  });
  if (options.workers !== false) await startMoreWorkers();

  const queues = new Map<string, Queue>();
  function queue(name: string): Queue {
    const known = queues.get(name) ?? new Queue(name, { connection: redis, prefix: keys.prefix });
    if (!queues.has(name)) ends.push(() => known.close());
    queues.set(name, known);
    return known;
  }

  async function call(method: string, path: string, sent: Sent = {}): Promise<Response> {
    return fetch(web.url + path, {
      method,
      headers: {
        authorization: `Bearer ${API_KEY}`,
        'content-type': 'application/json',
        ...(sent.key !== undefined && { 'idempotency-key': sent.key }),
      },
      ...(sent.body !== undefined && { body: JSON.stringify(sent.body) }),
    });
  }

  const post = (body: unknown, key?: string): Promise<Response> =>
    call('POST', '/v1/generations', { body, ...(key !== undefined && { key }) });

  const bodyOf = (provider: ProviderName, asked: Asked = {}) =>
    requestBody(simulator.url, provider, asked);

  async function request(provider: ProviderName, asked: Asked = {}): Promise<Shown['id']> {
    const response = await post(bodyOf(provider, asked));
    if (response.status !== 202) throw new Error(`POST answered ${response.status}`);
    return ((await response.json()) as Shown).id; // our own API's answer
  }

  /** Asks again for as long as it is answered 503, as an app should. */
  const get = (id: string): Promise<Shown> =>
    until(`generation ${id} can be read`, async () => {
      const response = await call('GET', `/v1/generations/${id}`);
      if (response.status === 503) return undefined;
      if (response.status !== 200) throw new Error(`GET answered ${response.status}`);
      return (await response.json()) as Shown; // our own API's answer
    });

  const cancel = async (id: string): Promise<number> =>
    (await call('POST', `/v1/generations/${id}/cancel`)).status;

  const untilShown = (id: string, isSo: (shown: Shown) => boolean, deadlineMs?: number) =>
    until(
      `generation ${id} is as expected`,
      async () => {
        const shown = await get(id);
        return isSo(shown) ? shown : undefined;
      },
      deadlineMs,
    );

  const untilFinal = (id: string, deadlineMs?: number): Promise<Shown> =>
    untilShown(id, (shown) => shown.finishedAt !== null, deadlineMs);

  const eventsOf = (id: string): CompletionEvent[] =>
    events.filter((event) => event.data.generationId === id);

  /** Every queue this pipeline may have put a job into. */
  const queueList = (): string[] => [
    ...PROVIDERS.flatMap((name) => [queueNames.submit(name), queueNames.poll(name)]),
    queueNames.completions,
    queueNames.subscriber('callback'),
    queueNames.subscriber('callback-slow'),
    queueNames.subscriber('recorder'),
  ];

  const counted = async (...states: ('waiting' | 'active' | 'delayed' | 'failed')[]) => {
    const counts = await Promise.all(
      queueList().map((name) => queue(name).getJobCountByTypes(...states)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };

  /**
   * Waits until each is notified, which is after it is final, and no job is waiting or at work any more,
   * so that a second event would have been recorded.
   * @returns the generations as the API shows them.
   */
  async function untilSettled(ids: readonly string[], deadlineMs?: number): Promise<Shown[]> {
    // Reading what has been recorded costs the pipeline nothing; asking it would.
    const notNotified = (): string[] => {
      const known = new Set(events.map((event) => event.data.generationId as string));
      return ids.filter((id) => !known.has(id));
    };
    await until('every generation is notified', () => notNotified().length === 0, deadlineMs);
    await until('no job is left', async () => (await counted('waiting', 'active')) === 0);
    return Promise.all(ids.map(get));
  }

  function book(provider: ProviderName) {
    const found = simulator.ledger()[provider];
    if (!found) throw new Error(`no book of ${provider}`);
    return found;
  }

  return {
    env,
    redis,
    keys,
    store: createStore({
      redis,
      keys,
      retentionMs: 7 * 24 * 3_600_000,
      matchedByTask: accountWide(webProviders.providers),
      ...NO_TURNS,
    }),
    simulator,
    web,
    catwalk,
    lines,
    events,
    eventsOf,
    queue,
    book,
    /** Jobs in all failed sets together. */
    failedJobs: () => counted('failed'),
    bodyOf,
    call,
    post,
    request,
    get,
    cancel,
    untilShown,
    untilFinal,
    untilSettled,
    startWorkers: startMoreWorkers,
    connect,
    /** The web process is gone: connections to its address are refused. */
    stopWeb,
    /** It is back, at the same address, and connected to Redis. */
    startWeb: async () => {
      running ??= await startWebAt(Number(new URL(web.url).port));
      // A kept connection of the one before it may break first.
      const isReady = (): Promise<boolean> =>
        fetch(`${web.url}/readyz`).then(
          ({ status }) => status === 200,
          () => false,
        );
      await until('the web process is ready', isReady);
    },
    /** Every clock of ours jumps ahead; BullMQ's and the providers' do not. */
    advanceClock: (ms: number) => {
      clockAheadMs += ms;
    },
    close,
  };
}

export type Pipeline = Awaited<ReturnType<typeof setupPipeline>>;
