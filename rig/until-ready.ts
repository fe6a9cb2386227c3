import { setTimeout as wait } from 'node:timers/promises';

const READY_WITHIN_MS = 30_000;
const CHECK_EVERY_MS = 50;

/**
 * Resolves when `url` is answered 2xx.
 * @param failed rejects when that can no longer be: see `Child`.
 * @throws Error naming the URL when it takes too long.
 */
export async function untilReady(url: string, failed?: Promise<never>): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await Promise.race([wait(CHECK_EVERY_MS), ...(failed ? [failed] : [])]);
  }
  throw new Error(`${url} was not ready within ${READY_WITHIN_MS / 1000} s`);
}
