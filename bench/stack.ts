import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import type { Cleanup } from '../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../rig/compile.ts';
import { freePort } from '../rig/ports.ts';
import { startEmbeddedRedis } from '../rig/redis/embedded-redis.ts';
import type { Say } from '../rig/run-tool.ts';
import { type Child, startProcess } from '../rig/start-process.ts';
import { untilReady } from '../rig/until-ready.ts';
import { redisTarget } from '../src/config/redis.ts';
import { type Keys, keysOf } from '../src/store/keys.ts';
import { StubReady, SubscriberReady } from './messages.ts';
import { deleteKeys } from './redis-cost.ts';
import { createRequests, type Requests } from './requests.ts';

/** Everything that runs: Redis, a web and a worker process, a provider, an app. */
export interface Stack {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly apiUrl: string;
  readonly apiKey: string;
  /** As the processes have it. */
  readonly env: Readonly<Record<string, string>>;
  readonly web: Child;
  readonly worker: Child;
  readonly provider: Child;
  readonly requests: Requests;
  /** The app's subscriber, which is not there from the start. */
  startSubscriber(): Promise<Child>;
}

/** High enough that no limit of the provider slows anything down. */
const NO_LIMITS = {
  FITINVIEW_SUBMITS_PER_MINUTE: '60000000',
  FITINVIEW_CONCURRENCY: '1000',
  FITINVIEW_POLLS_PER_SECOND: '10000',
  SUBMIT_CONCURRENCY: '50',
};

export interface StackOptions {
  readonly profile?: string | undefined;
  /** Settings of a Redis of its own, which is then started in any case. */
  readonly redisSettings?: Readonly<Record<string, string>>;
  readonly say: Say;
}

/** Starts everything but the subscriber, with settings of its own and nothing of the caller's. */
export async function startStack(
  cleanup: Cleanup,
  { profile, redisSettings, say }: StackOptions,
): Promise<Stack> {
  say('compiling');
  const folder = await compileToTemporaryFolder(cleanup);

  const namespace = `catwalk-bench-${randomBytes(4).toString('hex')}`;
  const given = redisSettings ? undefined : process.env['REDIS_URL'];
  const redisUrl = given || (await openRedis(cleanup, redisSettings, say));
  const redis = await connectRedis(redisUrl, cleanup);
  if (given) cleanup.add(() => deleteKeys(redis, namespace));

  const [port, healthPort] = [await freePort(), await freePort()];
  const apiUrl = `http://127.0.0.1:${port}`;
  const apiKey = randomBytes(16).toString('hex');
  const webhookSecret = `whsec_${randomBytes(16).toString('hex')}`;
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    REDIS_URL: redisUrl,
    REDIS_NAMESPACE: namespace,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: apiUrl,
    WORKER_HEALTH_PORT: String(healthPort),
    CATWALK_SECRET: randomBytes(32).toString('base64'),
    API_KEYS: `bench:${apiKey}`,
    TENANT_REQUESTS_PER_SECOND: '100000',
    FITINVIEW_API_KEY: 'fiv_live_bench',
    FITINVIEW_WEBHOOK_SECRET: webhookSecret,
    ...NO_LIMITS,
  };
  const profiling = profile ? ['--cpu-prof', '--cpu-prof-dir', resolve(profile)] : [];
  const start = (program: string, nodeFlags: readonly string[] = []): Child => {
    const logFile = join(folder, `${program.replaceAll('/', '-')}.log`);
    const child = startProcess(program, { folder, env, nodeFlags, logFile, messages: true });
    cleanup.add(() => child.stop());
    return child;
  };

  say('starting');
  const provider = start('bench/stub-provider');
  env['FITINVIEW_BASE_URL'] = (await provider.hear(StubReady)).url;
  const web = start('src/http/main', profiling);
  const worker = start('src/workers/main', profiling);
  await untilReady(`${apiUrl}/readyz`, web.failed);
  await untilReady(`http://127.0.0.1:${healthPort}/readyz`, worker.failed);
  const requests = createRequests(apiUrl, apiKey);
  cleanup.add(requests.close);

  return {
    redis,
    keys: keysOf(namespace),
    ...{ apiUrl, apiKey, env },
    web,
    worker,
    provider,
    requests,
    async startSubscriber() {
      const subscriber = start('bench/subscriber');
      await subscriber.hear(SubscriberReady);
      return subscriber;
    },
  };
}

async function openRedis(
  cleanup: Cleanup,
  settings: StackOptions['redisSettings'],
  say: Say,
): Promise<string> {
  const embedded = await startEmbeddedRedis({ log: say, settings });
  cleanup.add(embedded.stop);
  return embedded.url;
}

async function connectRedis(url: string, cleanup: Cleanup): Promise<Redis> {
  const redis = new Redis(redisTarget(url), { maxRetriesPerRequest: 1 });
  // A broken connection shows in the command that needed it.
  redis.on('error', () => {});
  cleanup.add(() => redis.disconnect());
  await redis.ping().catch(() => {
    throw new Error('Redis does not answer: check REDIS_URL and that Redis is running.');
  });
  return redis;
}
