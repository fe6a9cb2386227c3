import { join } from 'node:path';
import type { Cleanup } from '../rig/cleanup.ts';
import { freePort } from '../rig/ports.ts';
import { limitMemory } from './memory-limit.ts';
import { catwalkEnv, guardedEnv, type Secrets } from './settings.ts';
import { startVictim, type Victim } from './victim.ts';

/** Catwalk as its users run it, twice: once on loopback, and once where only public URLs may be. */
export interface Installation {
  readonly url: string;
  readonly port: number;
  readonly guardedUrl: string;
  readonly env: Readonly<Record<string, string>>;
  readonly web: Victim;
  readonly worker: Victim;
  readonly limitKind: string;
  /** How many of its processes have died so far. */
  crashes(): number;
}

/** Resolves when all four processes are ready. The first web process has at most 512 MB. */
export async function startInstallation(
  options: {
    folder: string;
    port: number;
    publicUrl: string;
    secrets: Secrets;
    redisUrl: string;
    accounts: Readonly<Record<string, string>>;
  },
  cleanup: Cleanup,
): Promise<Installation> {
  const { folder, port, secrets } = options;
  const [healthPort, guardedPort, guardedHealthPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
  ]);
  const env = catwalkEnv({ ...options, healthPort, filesFolder: join(folder, 'files') });
  const guarded = guardedEnv(env, { secrets, port: guardedPort, healthPort: guardedHealthPort });
  const limit = await limitMemory(cleanup);
  const start = (
    name: string,
    program: string,
    own: Pick<Parameters<typeof startVictim>[2], 'env' | 'readyUrl' | 'limit' | 'nodeFlags'>,
  ): Victim => {
    const victim = startVictim(name, program, { folder, ...own });
    cleanup.add(victim.stop);
    return victim;
  };
  const [http, workers] = ['src/http/main', 'src/workers/main'];
  const nodeFlags = ['--import', join(folder, 'attack/evil-resolver.js')];
  const web = start('web', http, { env, readyUrl: readyAt(port), limit });
  const worker = start('worker', workers, { env, readyUrl: readyAt(healthPort) });
  const all = [
    web,
    worker,
    start('guarded-web', http, { env: guarded, readyUrl: readyAt(guardedPort) }),
    start('guarded-worker', workers, {
      ...{ env: guarded, readyUrl: readyAt(guardedHealthPort), nodeFlags },
    }),
  ];
  await Promise.all(all.map((victim) => victim.untilReady()));
  return {
    ...{ port, env, web, worker, limitKind: limit.kind },
    url: `http://127.0.0.1:${port}`,
    guardedUrl: `http://127.0.0.1:${guardedPort}`,
    crashes: () => all.reduce((sum, victim) => sum + victim.crashes(), 0),
  };
}

const readyAt = (port: number): string => `http://127.0.0.1:${port}/readyz`;
