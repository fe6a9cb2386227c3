/** The steps of an orderly stop, as parts of SHUTDOWN_MS; the rest is for closing what is left. */
const CALLS_UNTIL = 0.8;
const WORK_UNTIL = 0.9;
const CLOSING = 0.05;

/** How long after it was told to stop a process still waits. */
export interface StopTimes {
  /** For calls to other people's servers; then they are given up, and that is recorded. */
  readonly callsMs: number;
  /** For everything that is under way; then its connections are dropped. */
  readonly workMs: number;
  /** And then for the goodbye to Redis. */
  readonly closeMs: number;
}

/** @param shutdownMs after which the process is gone, whatever is still under way. */
export function stopTimes(shutdownMs: number): StopTimes {
  return {
    callsMs: shutdownMs * CALLS_UNTIL,
    workMs: shutdownMs * WORK_UNTIL,
    closeMs: shutdownMs * CLOSING,
  };
}

/**
 * Waits for work that may never end, such as the orderly close of a connection that is broken.
 * @returns whether it ended in time. What it throws later is nobody's any more.
 */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ends a connection to Redis whatever it is doing, and fails what waits in it. While ioredis waits for
 * its next try to connect, its own `disconnect` does neither; so that try is made now, and broken off.
 */
export function endConnection(client: {
  readonly status: string;
  connect(): Promise<unknown>;
  disconnect(): void;
}): void {
  client.disconnect();
  if (client.status !== 'reconnecting') return;
  client.connect().catch(() => {});
  client.disconnect();
}
