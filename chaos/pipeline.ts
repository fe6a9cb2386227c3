import { createProgram, type Program } from '../rig/program.ts';

/** The processes of the pipeline that is tried, ours or the naive one. */
export interface Pipeline {
  readonly webs: readonly Program[];
  readonly workers: readonly Program[];
  /** Every program, in the order in which they are stopped. */
  readonly all: readonly Program[];
  /** Resolves when all of them answer. @throws Error naming the one that does not in time. */
  start(): Promise<void>;
}

const START_MS = 30_000;

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
  const { kind, webPorts, healthPorts, env } = options;
  const programs = PROGRAMS[kind];
  const create = (name: string, program: string, more: Record<string, string> = {}): Program =>
    createProgram({ ...options, name, program, env: { ...env, ...more } });

  const webs = webPorts.map((port, i) =>
    create(`web-${i + 1}`, programs.web, { PORT: String(port) }),
  );
  const workers = healthPorts.map((port, i) =>
    create(`worker-${i + 1}`, programs.worker, { WORKER_HEALTH_PORT: String(port) }),
  );
  // The naive pipeline's workers write down themselves what they would have told.
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
      await Promise.all(addresses.map(untilReady));
    },
  };
}

export async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} was not ready within ${START_MS / 1000} s; see the logs`);
}
