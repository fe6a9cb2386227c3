import { createHmac, randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import {
  type AcceptedEntry,
  type ScenarioName,
  type SimulatorOptions,
  startSimulator,
} from '../../simulator/index.ts';
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
import { connectTestRedis } from './redis.ts';
import { until } from './until.ts';

export type Env = Readonly<Record<string, string | undefined>>;
export type Shown = ReturnType<typeof representation>;

export const PROVIDERS = ['fitinview', 'fashn'] as const;
export type ProviderName = (typeof PROVIDERS)[number];
export const TENANT = 'acme';
export const SECRET = 'pipeline-tests-secret-of-32-characters-or-more';
export const FITINVIEW_SECRET = 'whsec_pipeline_tests';
export const API_KEY = 'pipeline-tests-api-key';
const MODELS: Readonly<Record<ProviderName, string>> = { fitinview: 'tryon', fashn: 'tryon-v1.6' };

/** How patiently providers are polled in a test. Without a change here, the webhook has plenty of time. */
export interface Patience {
  firstAfterMs?: number;
  everyMs?: number;
  webhookGraceMs?: number;
  giveUpAfterMs?: number;
  maxPolls?: number;
}

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

export interface Asked {
  readonly scenario?: ScenarioName;
  readonly metadata?: Record<string, unknown>;
  readonly callbackUrl?: string;
}

/** The settings every process of one pipeline shares; fast, and for a namespace of its own. */
export function pipelineEnv(simulatorUrl: string, namespace: string, patience: Patience = {}): Env {
  const profile = {
    firstAfterMs: 150,
    everyMs: 150,
    longestMs: 150,
    factor: 1,
    webhookGraceMs: 20_000,
    giveUpAfterMs: 30_000,
    maxPolls: 1_000,
    ...patience,
  };
  const limits = { SUBMITS_PER_MINUTE: '100000', CONCURRENCY: '40', POLLS_PER_SECOND: '500' };
  return {
    NODE_ENV: 'test',
    ALLOW_INSECURE_URLS: 'true',
    LOG_LEVEL: 'info',
    REDIS_URL: process.env['REDIS_URL'],
    REDIS_NAMESPACE: namespace,
    PORT: '0',
    CATWALK_SECRET: SECRET,
    API_KEYS: `${TENANT}:${API_KEY}`,
    SUBMIT_TIMEOUT_MS: '10000',
    POLL_TIMEOUT_MS: '900',
    LEASE_MS: '1000',
    UNCONFIRMED_GRACE_MS: '1000',
    POLL_PROFILES: JSON.stringify({ fitinview: profile, fashn: profile }),
    FITINVIEW_API_KEY: 'fiv_live_tests',
    FITINVIEW_BASE_URL: `${simulatorUrl}/fitinview`,
    FITINVIEW_WEBHOOK_SECRET: FITINVIEW_SECRET,
    FASHN_API_KEY: 'fa-tests',
    FASHN_BASE_URL: `${simulatorUrl}/fashn`,
    FASHN_RUNNING: '1000',
    ...Object.fromEntries(
      ['FITINVIEW', 'FASHN'].flatMap((name) =>
        Object.entries(limits).map(([key, value]) => [`${name}_${key}`, value]),
      ),
    ),
  };
}

/** Simulated providers whose tasks take 50 to 150 ms, and that sign as `pipelineEnv` expects. */
export function fastSimulator(options: SimulatorOptions = {}) {
  return startSimulator({
    latencyMs: { min: 50, max: 150 },
    providers: { fitinview: { secret: FITINVIEW_SECRET } },
    ...options,
  });
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
  // The web process looks only at whether there is a public URL; the workers get the real one.
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
    queueNames.subscriber('recorder'),
  ];

  const counted = async (...states: ('waiting' | 'active' | 'delayed' | 'failed')[]) => {
    const counts = await Promise.all(
      queueList().map((name) => queue(name).getJobCountByTypes(...states)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };

  /**
   * Waits until each is told, which is after it is final, and no job is waiting or at work any more, so that a second
   * event would have been recorded.
   * @returns the generations as the API shows them.
   */
  async function untilSettled(ids: readonly string[], deadlineMs?: number): Promise<Shown[]> {
    // Looking at what has been recorded costs the pipeline nothing; asking it would.
    const untold = (): string[] => {
      const known = new Set(events.map((event) => event.data.generationId as string));
      return ids.filter((id) => !known.has(id));
    };
    await until('every generation is told', () => untold().length === 0, deadlineMs);
    await until('no job is left', async () => (await counted('waiting', 'active')) === 0);
    return Promise.all(ids.map(get));
  }

  const book = (provider: ProviderName) => {
    const found = simulator.ledger()[provider];
    if (!found) throw new Error(`no book of ${provider}`);
    return found;
  };

  return {
    env,
    redis,
    keys,
    store: createStore({
      redis,
      keys,
      retentionMs: 7 * 24 * 3_600_000,
      matchedByTask: accountWide(webProviders.providers),
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

/** A request whose simulated provider behaves as the scenario says. No two are alike. */
export function requestBody(simulatorUrl: string, provider: ProviderName, asked: Asked = {}) {
  const { scenario = 'ok', ...rest } = asked;
  const assets = `${simulatorUrl}/assets`;
  return {
    provider,
    model: MODELS[provider],
    input: {
      personImage: `${assets}/person.png?simulate=${scenario}&n=${randomUUID()}`,
      garmentImages: [`${assets}/garment-shirt.png`],
    },
    ...rest,
  };
}

/** A webhook's headers and body, as the provider would send them. */
export function signedDelivery(provider: ProviderName, message: Record<string, unknown>) {
  const body = JSON.stringify(message);
  const signature = createHmac('sha256', FITINVIEW_SECRET).update(body).digest('hex');
  const headers = {
    'content-type': 'application/json',
    ...(provider === 'fitinview' && { 'x-fitinview-signature': signature }),
  };
  return { headers, body };
}

type Addressee = Pick<AcceptedEntry, 'webhookUrl'>;

/** As `sendDelivery`, and answers the status. */
export async function deliver(
  provider: ProviderName,
  entry: Addressee,
  message: Record<string, unknown>,
): Promise<number> {
  return (await sendDelivery(provider, entry, message)).status;
}

/** Delivers to the URL that came with a submission, as the provider would. */
export async function sendDelivery(
  provider: ProviderName,
  entry: Addressee,
  message: Record<string, unknown>,
): Promise<Response> {
  const delivery = signedDelivery(provider, message);
  return fetch(entry.webhookUrl ?? '', { method: 'POST', ...delivery });
}
