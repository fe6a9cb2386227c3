import { join } from 'node:path';
import { type Supervised, superviseProcess } from '../rig/supervise-process.ts';
import { untilReady } from '../rig/until-ready.ts';

/** The processes of the pipeline that is tried, ours or the naive one. */
export interface Pipeline {
  readonly webs: readonly Supervised[];
  readonly workers: readonly Supervised[];
  /** Every program, in the order in which they are stopped. */
  readonly all: readonly Supervised[];
  /** Resolves when all of them answer. @throws Error naming the one that does not in time. */
  start(): Promise<void>;
}

const RESTART_AFTER_MS = 500;

const PROGRAMS = {
  catwalk: { web: 'src/http/main', worker: 'src/workers/main' },
  naive: { web: 'chaos/naive/web', worker: 'chaos/naive/worker' },
};

export function createPipeline(options: {
  kind: keyof typeof PROGRAMS;
  /** One for each web process. */
  webPorts: readonly number[];
  /** One for each worker process. */
  healthPorts: readonly number[];
  folder: string;
  logs: string;
  env: Readonly<Record<string, string>>;
}): Pipeline {
  const { kind, webPorts, healthPorts, folder, logs, env } = options;
  const programs = PROGRAMS[kind];
  const create = (name: string, program: string, more: Record<string, string> = {}): Supervised =>
    superviseProcess(program, {
      folder,
      logFile: join(logs, `${name}.log`),
      env: { ...env, ...more },
      restartAfterMs: RESTART_AFTER_MS,
    });

  const webs = webPorts.map((port, i) =>
    create(`web-${i + 1}`, programs.web, { PORT: String(port) }),
  );
  const workers = healthPorts.map((port, i) =>
    create(`worker-${i + 1}`, programs.worker, { WORKER_HEALTH_PORT: String(port) }),
  );
  // The naive pipeline's workers write down themselves what they would have notified.
  const subscribers = kind === 'catwalk' ? [create('recorder', 'chaos/recorder')] : [];
  const all = [...webs, ...workers, ...subscribers];

  return {
    webs,
    workers,
    all,
    async start() {
      for (const program of all) program.start();
      const addresses = [...webPorts, ...healthPorts].map(
        (port) => `http://127.0.0.1:${port}/readyz`,
      );
      await Promise.all(addresses.map((address) => untilReady(address)));
    },
  };
}
