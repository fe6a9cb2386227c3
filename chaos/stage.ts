import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Cleanup } from '../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../rig/compile.ts';
import { claimPorts } from '../rig/ports.ts';
import { createRedis, type KillableRedis } from '../rig/redis/killable-redis.ts';
import { type Simulation, startSimulation } from '../rig/simulation.ts';
import { type App, createApp } from './app.ts';
import { type Callbacks, startCallbacks } from './callbacks.ts';
import { type Front, startFront } from './front.ts';
import type { ChaosOptions } from './options.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { type Plan, WEB_PROCESSES, WORKER_PROCESSES } from './plan.ts';
import { pipelineEnv } from './settings.ts';

/** Everyone who takes part, all of them up. */
export interface Stage {
  readonly redis: KillableRedis;
  readonly front: Front;
  readonly providers: Simulation;
  readonly pipeline: Pipeline;
  readonly app: App;
  readonly callbacks: Callbacks;
  /** Where the subscriber writes down what it hears. */
  readonly heardFile: string;
}

/**
 * Tasks take 0.2 to 1.5 s, webhooks are repeated after a tenth of the documented waits, and links to
 * results die after a minute.
 */
const PACE = ['--time-scale', '0.1', '--latency', '2000-15000', '--result-lifetime', '600000'];

/** Compiles and starts everything; `cleanup` stops it, those who call before those who are called. */
export async function startStage(
  options: ChaosOptions,
  plan: Plan,
  cleanup: Cleanup,
  say: (line: string) => void,
): Promise<Stage> {
  say('compiling');
  const folder = await compileToTemporaryFolder(cleanup);
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
  const callbacks = await startCallbacks();
  cleanup.add(callbacks.close);
  const { seed } = options;
  const providers = await startSimulation({
    ...{ folder, env: { PATH: process.env['PATH'] }, publicUrl: front.url },
    program: 'chaos/simulator',
    args: ['--seed', String(seed), '--quiet', ...PACE],
  });
  cleanup.add(() => providers.process.stop());
  const env = pipelineEnv({
    providers: options.providers,
    redisUrl: redis.url,
    publicUrl: front.url,
    accounts: providers.env(options.providers),
    filesFolder: join(folder, 'files'),
    vaultFolder: join(folder, 'vault'),
    heardFile,
  });
  const healthPorts = await Promise.all(Array.from({ length: WORKER_PROCESSES }, ports));
  const kind = options.naive ? 'naive' : 'catwalk';
  const pipeline = createPipeline({ kind, webPorts, healthPorts, folder, logs, env });
  cleanup.add(() => Promise.all(pipeline.all.map((program) => program.stop())));
  await pipeline.start();
  const app = createApp({
    url: front.url,
    callbackUrlFor: callbacks.urlFor,
    picturesUrl: `${providers.url}/assets`,
    seed,
  });
  cleanup.add(app.close);
  return { redis, front, providers, pipeline, app, callbacks, heardFile };
}
