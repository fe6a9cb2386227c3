import { setTimeout as pause } from 'node:timers/promises';
import { isFinal } from '../generation/generation.ts';
import type { Store } from '../store/store.ts';
import type { Waiting } from './affected.ts';

const CHECK_EVERY_MS = 500;
/** Records read in one look; with more to watch, a look takes turns. */
const CHECK_AT_MOST = 1_000;
const SAY_EVERY_MS = { terminal: 1_000, other: 10_000 } as const;
/** So long without a single check, somebody should look at the workers. */
const STILL_MS = 30_000;

/**
 * Watches until each was checked at least once more, has ended or is gone. Ctrl-C and SIGTERM end
 * the watching and nothing else.
 * @returns how many were seen to be done.
 */
export async function watchChecks(
  waiting: readonly Waiting[],
  view: { store: Store; say: (text: string) => void; isTerminal: boolean },
): Promise<number> {
  const { store, say, isTerminal } = view;
  const sayEveryMs = isTerminal ? SAY_EVERY_MS.terminal : SAY_EVERY_MS.other;
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, interrupt);

  let pending = [...waiting];
  let [said, saidAt, movedAt] = [-1, Number.NEGATIVE_INFINITY, performance.now()];
  const done = (): number => waiting.length - pending.length;
  const sayProgress = (): void => {
    if (done() === said) return;
    [said, saidAt] = [done(), performance.now()];
    say(`${said} of ${waiting.length} checked or ended\n`);
  };

  try {
    while (pending.length > 0) {
      const before = done();
      const looked = pending.slice(0, CHECK_AT_MOST);
      const isStillWaiting = await waitingOf(store, looked);
      pending = [...pending.slice(looked.length), ...looked.filter((_, i) => isStillWaiting[i])];
      const at = performance.now();
      if (done() > before) movedAt = at;
      if (pending.length === 0 || at - saidAt >= sayEveryMs) sayProgress();
      if (at - movedAt >= STILL_MS) {
        movedAt = at;
        say(
          'Nothing was checked for 30 s: does a worker with the poll role run, and the provider answer?\n',
        );
      }
      if (pending.length > 0) await pause(CHECK_EVERY_MS, undefined, interrupted);
    }
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    say(`Not watching any more, at ${done()} of ${waiting.length}. The checks go on.\n`);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
  return done();
}

async function waitingOf(store: Store, looked: readonly Waiting[]): Promise<boolean[]> {
  const records = await store.loadAll(looked.map(({ id }) => id));
  return records.map((record, i) => {
    if (!record || record instanceof Error || isFinal(record)) return false;
    return record.state === 'submitted' && record.polls <= (looked[i]?.polls ?? 0);
  });
}
