import { setTimeout as wait } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Say } from '../../rig/run-tool.ts';
import type { Child } from '../../rig/start-process.ts';
import { queueNames } from '../../src/config/queues.ts';
import { memoryUse } from '../../src/store/memory-brake.ts';
import { decodeRecord } from '../../src/store/record-format.ts';
import { SubscriberReport } from '../messages.ts';
import type { Stack } from '../stack.ts';
import { type Answers, ask } from './asking.ts';

/** What became of everything that was asked for while Redis was being filled. */
export interface Filled {
  readonly how: string;
  /** Of `maxmemory`, when the first was refused. */
  readonly brakeShare: number;
  /** Of `maxmemory`, the most until all had ended. */
  readonly peakShare: number;
  readonly refused: number;
  readonly accepted: number;
  readonly finished: number;
  readonly told: number;
  readonly lost: number;
}

const MOST = 2_000_000;
/** Asked on for so long after the first was refused. */
const ENOUGH_REFUSED = 2_000;
const LOOK_MS = 50;
const TOLD_WITHIN_MS = 600_000;

/** The worst there is: everything that was accepted still has to be sent, and to end. */
export async function fillWhileNothingMoves(
  stack: Stack,
  subscriber: Child,
  say: Say,
): Promise<Filled> {
  const { redis, keys } = stack;
  const name = queueNames.submit('fitinview');
  const submits = new Queue(name, { connection: redis, prefix: keys.prefix });
  submits.on('error', () => {});
  await submits.pause();
  say('filling Redis while nothing is sent');
  return fill(stack, subscriber, 'a flood, nothing sent', async () => {
    say('everything moves again');
    await submits.resume();
    await submits.close();
  });
}

/** The usual: what fills Redis is what has ended, and is kept. */
export async function fillWhileItFlows(stack: Stack, subscriber: Child, say: Say): Promise<Filled> {
  say('filling Redis while everything flows');
  return fill(stack, subscriber, 'everything flows', async () => {});
}

async function fill(
  stack: Stack,
  subscriber: Child,
  how: string,
  letGo: () => Promise<void>,
): Promise<Filled> {
  let brakeShare = 0;
  const watched = watchShare(stack);
  const { accepted, refused } = await ask(stack, MOST, how.replaceAll(/\W/g, ''), (answers) => {
    if (answers.refused > 0) brakeShare ||= watched.now();
    return answers.refused >= ENOUGH_REFUSED;
  });
  await letGo();
  const told = await subscriber.ask({ expect: accepted.size }, SubscriberReport, TOLD_WITHIN_MS);
  const heard = new Set(told.told.map(([id]) => id));
  const ids = [...accepted.values()];
  const toldOf = ids.filter((id) => heard.has(id)).length;
  return {
    ...{ how, brakeShare, peakShare: watched.stop(), refused, accepted: accepted.size },
    finished: await finishedOf(stack, { accepted, refused }),
    told: toldOf,
    lost: accepted.size - toldOf,
  };
}

/** How many of them are recorded as completed. */
async function finishedOf({ redis, keys }: Stack, { accepted }: Answers): Promise<number> {
  const records = await redis.mget([...accepted.values()].map(keys.record));
  return records.filter((one) => one && decodeRecord(one).state === 'completed').length;
}

/** Follows how much of `maxmemory` is used. */
function watchShare({ redis, keys }: Stack) {
  let share = 0;
  let most = 0;
  let watching = true;
  const watch = async (): Promise<void> => {
    while (watching) {
      const { usedBytes, maxBytes } = await memoryUse(redis, keys, []);
      share = usedBytes / maxBytes;
      most = Math.max(most, share);
      await wait(LOOK_MS);
    }
  };
  // A connection that breaks shows in whatever needs it next.
  void watch().catch(() => {});
  return {
    now: () => share,
    stop: () => {
      watching = false;
      return most;
    },
  };
}
