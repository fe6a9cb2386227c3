import { type Child, type ProcessOptions, startProcess } from './start-process.ts';

/** One of our programs, started again whenever it ends by itself, as an orchestrator would. */
export interface Supervised {
  /** How often it has ended without having been told to. */
  readonly endedByItself: number;
  /** The process of now; undefined while it is down. */
  readonly child: Child | undefined;
  /** Does nothing when it runs. */
  start(): void;
  /** `stop` or `kill` of the process of now: down until `start`. @returns whether it was forced. */
  end(how: 'stop' | 'kill'): Promise<boolean>;
  /** For good: it is not started again. */
  stop(): Promise<void>;
}

export interface SuperviseOptions extends ProcessOptions {
  readonly restartAfterMs?: number;
  /** Told of every process that it is. */
  readonly onStart?: (child: Child) => void;
  readonly onEndByItself?: (child: Child) => void;
}

/** Starts nothing yet. @param program as for `startProcess`. */
export function superviseProcess(program: string, options: SuperviseOptions): Supervised {
  const { restartAfterMs = 0, onStart, onEndByItself } = options;
  let child: Child | undefined;
  let endedByItself = 0;
  let isStopping = false;

  function start(): void {
    if (child || isStopping) return;
    const started = startProcess(program, options);
    child = started;
    void started.ended.then(() => {
      if (child !== started) return;
      child = undefined;
      endedByItself += 1;
      onEndByItself?.(started);
      setTimeout(start, restartAfterMs);
    });
    onStart?.(started);
  }

  async function end(how: 'stop' | 'kill'): Promise<boolean> {
    const ending = child;
    child = undefined;
    return (await ending?.[how]()) ?? false;
  }

  return {
    get endedByItself() {
      return endedByItself;
    },
    get child() {
      return child;
    },
    start,
    end,
    async stop() {
      isStopping = true;
      await end('stop');
    },
  };
}
