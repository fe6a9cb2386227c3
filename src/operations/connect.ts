import { CannotStart, requireRedis } from '../config/start-up.ts';
import { assemble, type Installation } from '../core.ts';
import { type Operation, UsageError } from './command.ts';

const REDIS_PATIENCE_MS = 10_000;

/**
 * Opens what commands work with, runs one, and closes it again. A Redis that is lost in between
 * fails the command at once: every command may be run again.
 * @throws CannotStart when Redis cannot be used, or is lost; else whatever the command throws.
 */
export async function runConnected(
  installation: Installation,
  command: (operation: Operation) => Promise<void>,
): Promise<void> {
  const core = assemble(installation, { whileAway: 'fail', leavesNoTrace: true });
  const { redis, log } = core;
  try {
    await requireRedis(redis, log, REDIS_PATIENCE_MS);
    const say = (text: string): void => void process.stdout.write(text);
    await command({ ...core, say, isTerminal: process.stdout.isTTY === true });
  } catch (error) {
    const isOurs = error instanceof CannotStart || error instanceof UsageError;
    if (isOurs || redis.status === 'ready') throw error;
    throw new CannotStart('Redis was lost in the middle: run it again, which is harmless.');
  } finally {
    await core.close();
    core.end();
  }
}
