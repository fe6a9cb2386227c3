import { randomUUID } from 'node:crypto';
import { PROVIDER_NAMES, providerVariable } from '../../src/config/env.ts';
import { type Catwalk, connectCatwalk } from '../../src/index.ts';
import { type Child, startChild } from '../child-process.ts';
import {
  DEV_API_KEY,
  developmentDefaults,
  freePort,
  hasRealProvider,
  type Simulation,
  startSimulation,
} from '../environment.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../redis/embedded-redis.ts';

export interface DemoStack {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly board: { readonly url: string; readonly login: string };
  /** Absent when real providers are used. */
  readonly simulation: Simulation | undefined;
  readonly catwalk: Catwalk;
  /** How many worker processes have died so far. */
  workersLost(): number;
  stop(): Promise<void>;
}

const IMPATIENT_POLLS = { firstAfterMs: 1_000, everyMs: 1_000, webhookGraceMs: 6_000 };
const POLL_TYPES = ['image-fast', 'image-quality', 'exponential', 'video', 'audio'];
/** Impatient, so that the rescue by polling and after a crash can be watched. */
export const IMPATIENT: Readonly<Record<string, string>> = {
  // By provider too: what a provider recommends comes after its model's type.
  POLL_PROFILES: JSON.stringify(
    Object.fromEntries(
      [...POLL_TYPES, ...PROVIDER_NAMES].map((key) => [
        key,
        // Some profiles give up after a number of polls, which at this pace comes too soon.
        { ...IMPATIENT_POLLS, longestMs: 1_000, giveUpAfterMs: 40_000, maxPolls: 100 },
      ]),
    ),
  ),
  // Longer than a provider that answers with the result itself takes for it.
  SUBMIT_TIMEOUT_MS: '10000',
  POLL_TIMEOUT_MS: '3000',
  LEASE_MS: '5000',
  UNCONFIRMED_GRACE_MS: '15000',
  ...Object.fromEntries(
    PROVIDER_NAMES.map((name) => [providerVariable(name, 'SUBMITS_PER_MINUTE'), '6000']),
  ),
};

/**
 * Starts what a real installation has: Redis, the web process, a worker process, and simulated
 * providers unless there are keys of real ones. A worker that dies is replaced, as an orchestrator
 * would.
 */
export async function startDemoStack(say: (line: string) => void): Promise<DemoStack> {
  const redis: EmbeddedRedis | undefined = process.env['REDIS_URL']
    ? undefined
    : await startEmbeddedRedis({ log: say });
  const port = await freePort();
  const apiUrl = `http://127.0.0.1:${port}`;
  const simulation = hasRealProvider(process.env)
    ? undefined
    : await startSimulation(apiUrl, ['--latency', '1000-3000', '--quiet']);
  const env: Record<string, string | undefined> = {
    ...(simulation && { ...IMPATIENT, ...simulation.env, PUBLIC_URL: apiUrl }),
    ...developmentDefaults(process.env),
    ...process.env,
    ...(redis && { REDIS_URL: redis.url }),
    // A namespace of its own: on a Redis that is shared, nothing else is touched.
    REDIS_NAMESPACE: `catwalk-demo-${randomUUID().slice(0, 8)}`,
    PORT: String(port),
    FILES_DIR: '.catwalk/files',
    HOST: '127.0.0.1',
    WORKER_HEALTH_PORT: '0',
  };

  const web = startChild('src/http/main', { env });
  let worker: Child | undefined;
  let stopping = false;
  let lost = 0;
  const startWorker = async (): Promise<void> => {
    worker = startChild('src/workers/main', { env });
    const { pid, ended } = worker;
    void ended.then(() => {
      if (stopping) return;
      lost += 1;
      say(`the worker (pid ${pid}) died; starting another`);
      startWorker().catch((error: unknown) => say(String(error)));
    });
    await worker.line(/"msg":"worker started"/);
    say(`worker ready (pid ${pid})`);
  };
  await Promise.all([web.line(/"msg":"web process started"/), startWorker()]);
  const catwalk = await connectCatwalk({ ...env, LOG_LEVEL: 'silent' });

  return {
    apiUrl,
    apiKey: process.env['API_KEYS']?.split(',')[0]?.split(':')[1]?.trim() ?? DEV_API_KEY,
    board: {
      url: `${apiUrl}/admin/queues`,
      login: `${env['BOARD_USER'] ?? 'operator'} / ${env['BOARD_PASSWORD'] ?? ''}`,
    },
    simulation,
    catwalk,
    workersLost: () => lost,
    async stop() {
      stopping = true;
      await catwalk.close();
      await Promise.all([web.stop(), worker?.stop()]);
      await simulation?.process.stop();
      await redis?.stop();
    },
  };
}
