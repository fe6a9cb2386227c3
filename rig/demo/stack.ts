import { randomUUID } from 'node:crypto';
import { PROVIDER_NAMES } from '../../src/config/env.ts';
import { type Catwalk, connectCatwalk } from '../../src/index.ts';
import { DEV_API_KEY, developmentDefaults, hasRealProvider } from '../development-settings.ts';
import { impatientSettings } from '../impatient-settings.ts';
import { freePort } from '../ports.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../redis/embedded-redis.ts';
import { type Simulation, startSimulation } from '../simulation.ts';
import { type Child, startProcess } from '../start-process.ts';
import { superviseProcess } from '../supervise-process.ts';

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

/** Impatient, so that the rescue by polling and after a crash can be watched. */
export const IMPATIENT: Readonly<Record<string, string>> = {
  ...impatientSettings(
    PROVIDER_NAMES,
    // Some profiles give up after a number of polls, which at this pace comes too soon.
    { firstAfterMs: 1_000, webhookGraceMs: 6_000, giveUpAfterMs: 40_000, maxPolls: 100 },
    { SUBMITS_PER_MINUTE: '6000', RUNNING: '100' },
  ),
  // Longer than a provider that answers with the result itself takes for it.
  SUBMIT_TIMEOUT_MS: '10000',
  UNCONFIRMED_GRACE_MS: '15000',
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
    : await startSimulation({ publicUrl: apiUrl, args: ['--latency', '1000-3000', '--quiet'] });
  const env: Record<string, string | undefined> = {
    ...(simulation && { ...IMPATIENT, ...simulation.env(), PUBLIC_URL: apiUrl }),
    ...developmentDefaults(process.env),
    ...process.env,
    ...(redis && { REDIS_URL: redis.url }),
    // A namespace of its own: on a Redis that is shared, nothing else is touched.
    REDIS_NAMESPACE: `catwalk-demo-${randomUUID().slice(0, 8)}`,
    PORT: String(port),
    FILES_DIR: '.catwalk/files',
    VAULT_DIR: '.catwalk/vault',
    HOST: '127.0.0.1',
    WORKER_HEALTH_PORT: '0',
  };

  const web = startProcess('src/http/main', { env });
  const isReady = async (worker: Child): Promise<void> => {
    await worker.line(/"msg":"worker started"/);
    say(`worker ready (pid ${worker.pid})`);
  };
  let firstReady: Promise<void> | undefined;
  const worker = superviseProcess('src/workers/main', {
    env,
    onStart: (child) => {
      const ready = isReady(child);
      firstReady ??= ready;
      // Of a later one that ends again at once is told when the next is started.
      ready.catch(() => {});
    },
    onEndByItself: ({ pid }) => say(`the worker (pid ${pid}) died; starting another`),
  });
  worker.start();
  await Promise.all([web.line(/"msg":"web process started"/), firstReady]);
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
    workersLost: () => worker.endedByItself,
    async stop() {
      await catwalk.close();
      await Promise.all([web.stop(), worker.stop()]);
      await simulation?.process.stop();
      await redis?.stop();
    },
  };
}
