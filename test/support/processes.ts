import { randomUUID } from 'node:crypto';
import { type Job, Queue } from 'bullmq';
import { type Child, startProcess } from '../../rig/start-process.ts';
import type { SimulatorOptions } from '../../simulator/index.ts';
import type { CompletionEvent } from '../../src/generation/jobs.ts';
import { connectCatwalk } from '../../src/index.ts';
import { keysOf } from '../../src/store/keys.ts';
import {
  API_KEY,
  type Asked,
  type Env,
  fastSimulator,
  type Patience,
  PROVIDERS,
  type ProviderName,
  pipelineEnv,
  requestBody,
  type Shown,
} from './pipeline.ts';
import { connectTestRedis } from './redis.ts';
import { until } from './until.ts';

export interface ProcessesOptions {
  readonly env?: Env;
  readonly patience?: Patience;
  readonly latencyMs?: { min: number; max: number };
  readonly simulator?: SimulatorOptions;
  /** Another Redis than the one of this test run. */
  readonly redisUrl?: string;
  /** Where workers find the simulated providers, if not at their own address. */
  readonly through?: (simulatorUrl: string) => Promise<string>;
  /** These tests run side by side, so each brings its own context's hook. */
  readonly onFinished: (end: () => Promise<void>) => void;
}

/** What an operator runs: a web process and worker processes, each of which may be killed. */
export async function setupProcesses(options: ProcessesOptions) {
  const ends: (() => Promise<unknown>)[] = [];
  options.onFinished(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const { redis, close: closeRedis } = connectTestRedis(options.redisUrl);
  const namespace = `p-${randomUUID()}`;
  const keys = keysOf(namespace);
  ends.push(async () => {
    for await (const found of redis.scanStream({ match: `${keys.prefix}*`, count: 1_000 })) {
      if (found.length > 0) await redis.unlink(...(found as string[]));
    }
    await closeRedis();
  });
  const { latencyMs } = options;
  const simulator = await fastSimulator({ ...options.simulator, ...(latencyMs && { latencyMs }) });
  ends.push(simulator.close);

  const providersAt = (await options.through?.(simulator.url)) ?? simulator.url;
  const settings = {
    ...pipelineEnv(providersAt, namespace, options.patience),
    ...(options.redisUrl && { REDIS_URL: options.redisUrl }),
    ...options.env,
  };
  const { PATH } = process.env;

  async function startReady(program: string, env: Env, ready: RegExp) {
    const child = startProcess(program, { env: { PATH, ...env } });
    ends.push(child.stop);
    return { child, ready: await child.line(ready) };
  }

  // Knows its own address only when it listens; it looks only at whether there is a public one.
  const { child: web, ready } = await startReady(
    'src/http/main',
    { ...settings, PUBLIC_URL: 'http://127.0.0.1' },
    /"url":"(http:[^"]+)","msg":"web process started"/,
  );
  const url = ready[1] ?? '';
  const workerEnv = { ...settings, PUBLIC_URL: url };

  async function startWorker(changes: Env = {}): Promise<Child & { readonly health: string }> {
    const env = { ...workerEnv, ...changes };
    const started = /"health":"(http:[^"]+)","msg":"worker started"/;
    const { child, ready } = await startReady('src/workers/main', env, started);
    return { ...child, health: ready[1] ?? '' };
  }

  const events: CompletionEvent[] = [];
  const catwalk = await connectCatwalk({ ...workerEnv, LOG_LEVEL: 'silent' });
  ends.push(() => catwalk.close());
  // Idempotent, as every subscriber should be: a repeat has the id of the first.
  await catwalk.onCompletion('recorder', (event) => {
    if (!events.some(({ id }) => id === event.id)) events.push(event);
  });

  const post = (body: unknown, key?: string): Promise<Response> =>
    fetch(`${url}/v1/generations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${API_KEY}`,
        'content-type': 'application/json',
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
    });

  async function request(provider: ProviderName, asked: Asked = {}): Promise<string> {
    const response = await post(requestBody(simulator.url, provider, asked));
    if (response.status !== 202) throw new Error(`POST answered ${response.status}`);
    return ((await response.json()) as Shown).id; // our own API's answer
  }

  /** The first half from each provider, in turns. */
  const requestMany = (count: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, (_, i) => request(PROVIDERS[i % PROVIDERS.length] ?? 'fashn')),
    );

  const untilTold = (count: number, deadlineMs = 60_000): Promise<unknown> =>
    until(`${count} are told`, () => events.length >= count, deadlineMs);

  async function jobs(queueName: string, state: 'delayed' | 'failed'): Promise<Job[]> {
    const queue = new Queue(queueName, { connection: redis, prefix: keys.prefix });
    try {
      return await queue.getJobs([state]);
    } finally {
      await queue.close();
    }
  }

  /** Paid submissions in all, and how many of them were for a generation that had one already. */
  function payments() {
    const accepted = PROVIDERS.flatMap((name) => simulator.ledger()[name]?.accepted ?? []);
    const generations = new Set(accepted.map(({ webhookUrl }) => webhookUrl));
    return { paid: accepted.length, paidTwice: accepted.length - generations.size };
  }

  return {
    simulator,
    redis,
    keys,
    catwalk,
    web,
    url,
    startWorker,
    events,
    post,
    request,
    bodyOf: (provider: ProviderName) => requestBody(simulator.url, provider),
    requestMany,
    jobs,
    untilTold,
    payments,
  };
}

export type Processes = Awaited<ReturnType<typeof setupProcesses>>;
