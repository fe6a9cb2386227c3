import { expect } from 'vitest';
import { until } from './until.ts';

/** Proves of a process that its `/livez` is silent while it stands still, and answers before and after. */
export async function expectSilentAtStandstill(pid: number, url: string): Promise<void> {
  // A connection for each: one that stood still with the process may be broken.
  const livez = (signal?: AbortSignal) =>
    fetch(`${url}/livez`, { headers: { connection: 'close' }, signal: signal ?? null });
  expect((await livez()).status).toBe(200);
  process.kill(pid, 'SIGSTOP');
  await expect(livez(AbortSignal.timeout(2_000))).rejects.toThrow(/timeout/);
  process.kill(pid, 'SIGCONT');
  // A connection that was made meanwhile may break; the process itself goes on.
  const answersAgain = () =>
    livez()
      .then(({ status }) => status === 200)
      .catch(() => false);
  await until('it answers again', answersAgain);
}
