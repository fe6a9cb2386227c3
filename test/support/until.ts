import { setTimeout as pause } from 'node:timers/promises';

const CHECK_EVERY_MS = 15;

/**
 * Looks again and again until `look` answers something truthy, and returns that. The one way a test
 * waits for what no event announces.
 * @throws naming `what` when it has not come true after `deadlineMs`.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await pause(CHECK_EVERY_MS);
  }
}
