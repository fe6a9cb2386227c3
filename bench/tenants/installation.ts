import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Cleanup } from '../../rig/cleanup.ts';
import { freePort } from '../../rig/ports.ts';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { type Child, startProcess } from '../../rig/start-process.ts';
import { untilReady } from '../../rig/until-ready.ts';
import { providerVariable } from '../../src/config/env.ts';
import { redisTarget } from '../../src/config/redis.ts';
import type { ProviderLimits } from '../../src/providers/provider.ts';
import { type App, createApp } from './app.ts';
import { ProviderReady, ProviderReport, type ProviderWork, REPORT } from './messages.ts';
import { type Tenant, tenantSettings } from './tenant-settings.ts';

/** Redis, a web and a worker process and a provider, for one measurement. */
export interface Installation {
  readonly redis: Redis;
  readonly web: Child;
  readonly worker: Child;
  readonly app: App;
  /** What the provider has seen so far. */
  report(): Promise<ProviderReport>;
}

export interface InstallationOptions {
  /** Where the programs lie compiled. */
  readonly folder: string;
  readonly tenants: readonly Tenant[];
  /** `fashn`: with its documented limits; otherwise `bench`, with these. */
  readonly limits: ProviderLimits | 'documented';
  readonly work: ProviderWork;
  /** Whether the provider calls when it is done. */
  readonly webhooks: boolean;
}

const REPORT_MS = 30_000;
const HOUR_MS = 3_600_000;

/** Runs `measure` on an installation of its own, which is gone afterwards. */
export async function withInstallation<Result>(
  options: InstallationOptions,
  cleanup: Cleanup,
  measure: (installation: Installation) => Promise<Result>,
): Promise<Result> {
  const own = new Cleanup();
  cleanup.add(() => own.run());
  try {
    const installation = await start(options, own);
    const { web, worker } = installation;
    return await Promise.race([measure(installation), web.failed, worker.failed]);
  } finally {
    await own.run();
  }
}

async function start(options: InstallationOptions, cleanup: Cleanup): Promise<Installation> {
  const { folder, limits } = options;
  const { redis, url: redisUrl } = await startRedis(cleanup);
  const [port, healthPort] = [await freePort(), await freePort()];
  const apiUrl = `http://127.0.0.1:${port}`;
  const tenants = await tenantSettings(options.tenants, folder);
  const provider = limits === 'documented' ? 'fashn' : 'bench';
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    REDIS_URL: redisUrl,
    HOST: '127.0.0.1',
    PORT: String(port),
    WORKER_HEALTH_PORT: String(healthPort),
    CATWALK_SECRET: randomBytes(32).toString('base64'),
    // Callbacks and webhooks stay on this machine.
    ALLOW_INSECURE_URLS: 'true',
    SUBMIT_CONCURRENCY: '100',
    BENCH_WORK: JSON.stringify(options.work),
    ...tenants.env,
    ...(options.webhooks && { PUBLIC_URL: apiUrl }),
    ...providerSettings(limits),
  };
  const run = (program: string): Child => {
    const logFile = join(folder, `${program.replaceAll('/', '-')}.log`);
    const child = startProcess(program, { folder, env, logFile, messages: true });
    cleanup.add(() => child.stop());
    return child;
  };
  const stub = run('bench/tenants/provider');
  env[providerVariable(provider, 'BASE_URL')] = (await stub.hear(ProviderReady)).url;
  const [web, worker] = [run('src/http/main'), run('src/workers/main')];
  await untilReady(`${apiUrl}/readyz`, web.failed);
  await untilReady(`http://127.0.0.1:${healthPort}/readyz`, worker.failed);
  const app = createApp({ apiUrl, provider, keyOf: tenants.keyOf });
  cleanup.add(app.close);
  return { redis, web, worker, app, report: () => stub.ask(REPORT, ProviderReport, REPORT_MS) };
}

async function startRedis(cleanup: Cleanup): Promise<{ redis: Redis; url: string }> {
  const { url, stop } = await startEmbeddedRedis({ log: () => {} });
  cleanup.add(stop);
  const redis = new Redis(redisTarget(url), { maxRetriesPerRequest: 1 });
  // A broken connection shows in the command that needed it.
  redis.on('error', () => {});
  cleanup.add(() => redis.disconnect());
  return { redis, url };
}

function providerSettings(limits: InstallationOptions['limits']): Record<string, string> {
  if (limits === 'documented') return { FASHN_API_KEY: 'fa-bench' };
  return {
    PROVIDER_MODULES: './bench/tenants/adapter.js',
    BENCH_API_KEY: 'fa-bench',
    BENCH_TRUST: 'token',
    BENCH_LIMITS: JSON.stringify(limits),
    // Its webhooks arrive, so no status check shall cost anything.
    POLL_PROFILES: JSON.stringify({ bench: { webhookGraceMs: HOUR_MS, giveUpAfterMs: HOUR_MS } }),
  };
}
