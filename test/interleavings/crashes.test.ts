import { expect, test } from 'vitest';
import { createRandom } from '../../rig/random.ts';
import type { Rules } from '../../src/generation/rules.ts';
import {
  LEASE_MS,
  minutes,
  type Situation,
  SLOT_MS,
  seconds,
  situationOf,
  TICK_MS,
} from './situation.ts';
import { walk } from './walk.ts';

/** Real settings: the defaults of .env.example and the poll profile `image-fast`. */
function situation(changes: Partial<Rules>): Situation {
  return {
    ...situationOf(8, createRandom(8)),
    rules: {
      repeatSubmit: 'none',
      keyWindowMs: minutes(1_430),
      onUnknownOutcome: 'fail',
      unconfirmedGraceMs: minutes(10),
      sendOverdueMs: seconds(35),
      unansweredMs: minutes(1_440),
      canCancel: false,
      poll: {
        firstAfterMs: seconds(5),
        everyMs: seconds(3),
        factor: 1,
        longestMs: seconds(3),
        webhookGraceMs: seconds(30),
        giveUpAfterMs: minutes(2),
      },
      ...changes,
    },
    mode: 'polling',
    believed: true,
    accountWide: false,
    maxQueuedMs: minutes(1_440),
    keepsDoneJobs: true,
    redrives: 0,
    deadJobs: 0,
  };
}

interface Gap {
  /** The step before which a process dies; `waits` while a request is under way. */
  dies: string;
  /** The longest time from the crash, or from the task's end if that is later, to being told. */
  withinMs: number;
  rules?: Partial<Rules>;
  /** How often the subscriber is told: twice only where the crash hid that it had been. */
  told?: number;
  ends?: string;
}

const KEY = { repeatSubmit: 'idempotency-key' } as const;
const REFERENCE = { repeatSubmit: 'unique-reference' } as const;
const SEARCH = { repeatSubmit: 'search' } as const;
/** One more poll of `image-fast`, with jitter and a slot; what any repair may add. */
const POLL = seconds(6);

const GAPS: readonly [title: string, gap: Gap][] = [
  [
    'a web process that dies between the record and the submit job: the schedule issues it',
    { dies: 'adds the submit job', withinMs: seconds(33) + POLL },
  ],
  [
    'a worker that dies with a submit job in hand: another takes it over',
    { dies: 'saves what submit-started means', withinMs: seconds(20) + POLL },
  ],
  [
    'a worker that dies between intent and call, provider with keys: sent with the same key',
    { dies: 'calls the provider', rules: KEY, withinMs: seconds(42) + POLL },
  ],
  [
    'a worker that dies between intent and call, provider with a search: sent once proven absent',
    { dies: 'calls the provider', rules: SEARCH, withinMs: seconds(56) + POLL },
  ],
  [
    'a worker that dies between intent and call, provider with neither: fails after the grace',
    { dies: 'calls the provider', withinMs: seconds(640), ends: 'outcome_unknown' },
  ],
  [
    'a worker that dies with the answer in hand, provider with keys: the same key finds the task',
    { dies: 'saves what submit-accepted means', rules: KEY, withinMs: seconds(42) + POLL },
  ],
  [
    'a worker that dies with the answer in hand, provider with references: it recognises its own',
    { dies: 'saves what submit-accepted means', rules: REFERENCE, withinMs: seconds(42) + POLL },
  ],
  [
    'a worker that dies with the answer in hand, provider with a search: the task is found',
    { dies: 'saves what submit-accepted means', rules: SEARCH, withinMs: seconds(56) + POLL },
  ],
  [
    'a worker that dies with the answer in hand, provider with neither: fails and is not paid again',
    { dies: 'saves what submit-accepted means', withinMs: seconds(640), ends: 'outcome_unknown' },
  ],
  [
    'a worker that dies between saving the task and adding its round: the tick adds one',
    { dies: 'issues round', withinMs: seconds(5) + POLL },
  ],
  [
    'a worker that dies with a poll under way: another polls after the lease',
    { dies: 'checks the task', withinMs: seconds(33) + POLL },
  ],
  [
    'a worker that dies between a final poll and handing it on: another polls after the lease',
    { dies: 'forwards observed-final to completions', withinMs: seconds(33) },
  ],
  [
    'a worker that dies before the outcome is saved: another takes the job over',
    { dies: 'saves what observed-final means', withinMs: seconds(20) },
  ],
  [
    'a worker that dies between the outcome and the subscribers’ jobs: the schedule tells',
    { dies: 'adds the subscriber’s job', withinMs: seconds(33) },
  ],
  [
    'a worker that dies between the subscribers’ jobs and marking as told: told once all the same',
    { dies: 'saves what notified means', withinMs: 0 },
  ],
  [
    'a worker that dies before its subscriber was called: another calls it',
    { dies: 'calls the subscriber', withinMs: seconds(20) },
  ],
  [
    'a worker that dies right after its subscriber was called: called again with the same event',
    { dies: 'finishes the job', withinMs: seconds(20), told: 2 },
  ],
];

test.each(GAPS)('%s', (_title, gap) => {
  let met = 0;
  // The order of whatever happens at the same time, and how long the provider takes, differ.
  for (let seed = 0; seed < 300; seed++) {
    const calm = { situation: situation(gap.rules ?? {}), diesBefore: gap.dies };
    const { broken, crashedAt, scene } = walk(seed, { calm });
    expect(broken).toBeUndefined();
    if (crashedAt === undefined) continue;
    met++;
    const { record } = scene.redis;
    const [task] = scene.provider.tasks;
    const { toldAt } = scene.rules;
    expect(toldAt).toHaveLength(gap.told ?? 1);
    expect(scene.provider.tasks.length).toBeLessThanOrEqual(1);
    const code = record && 'reason' in record ? record.reason.code : 'completed';
    if (gap.ends) expect(code).toBe(gap.ends);
    else expect(['completed', 'provider_failed']).toContain(code);
    const from = Math.max(
      crashedAt,
      gap.ends ? 0 : Math.max(task?.finishAt ?? 0, task?.visibleAt ?? 0),
    );
    expect((toldAt.at(-1) ?? 0) - from).toBeLessThanOrEqual(gap.withinMs);
  }
  expect(met).toBeGreaterThan(50);
});

test('no generation stays overdue for longer than one lease plus one tick, whichever step a process dies before', () => {
  const variants = [{}, KEY, REFERENCE, SEARCH];
  const steps = [...new Set(GAPS.map(([, { dies }]) => dies)), 'takes what is due'];
  let [longestMs, met] = [0, 0];
  for (let seed = 0; seed < 2_400; seed++) {
    const changes = variants[seed % variants.length];
    const diesBefore = steps[Math.floor(seed / variants.length) % steps.length] ?? '';
    const calm = { situation: situation(changes ?? {}), diesBefore };
    const { broken, crashedAt, scene } = walk(seed, { calm });
    expect(broken).toBeUndefined();
    if (crashedAt !== undefined) met++;
    const overdueMs = scene.rules.longestOverdueMs();
    // Late by two slots is not late yet, and the round runs at the end of its slot.
    expect(overdueMs, diesBefore).toBeLessThanOrEqual(LEASE_MS + TICK_MS + 3 * SLOT_MS);
    longestMs = Math.max(longestMs, overdueMs);
  }
  expect(met).toBeGreaterThan(500);
  // Whoever had it under a lease died: so long it does take.
  expect(longestMs).toBeGreaterThan(LEASE_MS);
});
