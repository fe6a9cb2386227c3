import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildToTemporaryFolder } from '../rig/build.ts';
import type { Cleanup } from '../rig/cleanup.ts';
import { claimPorts } from '../rig/ports.ts';
import { createRedis, type KillableRedis } from '../rig/redis/killable-redis.ts';
import { type App, createApp } from './app.ts';
import { type Front, startFront } from './front.ts';
import type { ChaosOptions } from './options.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { type Plan, WEB_PROCESSES, WORKER_PROCESSES } from './plan.ts';
import { API_KEY, pipelineEnv } from './settings.ts';
import { type SimulatedProviders, startSimulatedProviders } from './simulated-providers.ts';

/** Everyone who takes part, all of them up. */
export interface Stage {
  readonly redis: KillableRedis;
  readonly front: Front;
  readonly providers: SimulatedProviders;
  readonly pipeline: Pipeline;
  readonly app: App;
  /** Where the subscriber writes down what it hears. */
  readonly heardFile: string;
}

/** Compiles and starts everything; `cleanup` stops it, those who call before those who are called. */
export async function startStage(
  options: ChaosOptions,
  plan: Plan,
  cleanup: Cleanup,
  say: (line: string) => void,
): Promise<Stage> {
  say('compiling');
  const folder = await buildToTemporaryFolder(cleanup, 'chaos');
  const logs = options.logs ? resolve(options.logs) : join(folder, 'logs');
  await mkdir(logs, { recursive: true });
  const heardFile = join(folder, 'heard.jsonl');

  say('starting');
  const ports = await claimPorts(cleanup);
  const redis = await createRedis(await ports(), { folder, logs }, options);
  cleanup.add(redis.stop);
  await redis.start();
  const webPorts = await Promise.all(Array.from({ length: WEB_PROCESSES }, ports));
  const front = await startFront(webPorts, plan.mischief);
  cleanup.add(front.close);
  const { seed } = options;
  const providers = await startSimulatedProviders({
    port: await ports(),
    ...{ folder, logs, seed },
    publicUrl: front.url,
  });
  cleanup.add(providers.program.stop);
  const env = pipelineEnv({
    providers: options.providers,
    redisUrl: redis.url,
    publicUrl: front.url,
    accounts: providers.accounts,
    filesFolder: join(folder, 'files'),
    heardFile,
  });
  const healthPorts = await Promise.all(Array.from({ length: WORKER_PROCESSES }, ports));
  const kind = options.naive ? 'naive' : 'catwalk';
  const pipeline = createPipeline({ kind, webPorts, healthPorts, folder, logs, env });
  cleanup.add(() => Promise.all(pipeline.all.map((program) => program.stop())));
  await pipeline.start();
  const app = createApp({
    url: front.url,
    apiKey: API_KEY,
    picturesUrl: providers.picturesUrl,
    seed,
  });
  cleanup.add(app.close);
  return { redis, front, providers, pipeline, app, heardFile };
}
