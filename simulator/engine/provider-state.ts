import { randomInt } from 'node:crypto';
import QuickLRU from 'quick-lru';
import type { Dialect } from '../contract/dialect.ts';
import type { RefusalReason } from '../contract/refusal.ts';
import { type AccessTokens, createAccessTokens } from './access-tokens.ts';
import type { SimulatorContext } from './context.ts';
import { createIdempotencyCache, type IdempotencyCache } from './idempotency.ts';
import { createLedgerRecorder, type LedgerRecorder } from './ledger.ts';
import type { ProviderSettings } from './provider-settings.ts';
import { createRateWindow, type RateWindow } from './rate-window.ts';
import type { Task } from './task.ts';
import { createUploads, type Uploads } from './uploads.ts';

const MAX_TASKS = 100_000;
/** What the dialect itself remembers: deployments, requests that did not start in time. */
const MAX_REMEMBERED = 10_000;
/** High enough that only a configured limit is ever met; load tests submit thousands. */
const DEFAULT_SUBMITS_PER_MINUTE = 100_000;

/** Everything one provider remembers. */
export interface ProviderState {
  readonly dialect: Dialect;
  readonly settings: ProviderSettings;
  readonly context: SimulatorContext;
  readonly ledger: LedgerRecorder;
  readonly tasks: QuickLRU<string, Task>;
  readonly idempotency: IdempotencyCache;
  readonly submits: RateWindow;
  readonly tokens: AccessTokens;
  readonly uploads: Uploads;
  /** What the dialect itself remembers between calls. */
  readonly memory: Map<string, unknown>;
  /** Goes up for ever, so that nothing that was named by a number is confused after a reset. */
  sequence: number;
  /** Where messages go for submissions that name no URL of their own. */
  webhookUrl: string | undefined;
  creditsLeft: number;
  liveTasks: number;
  /** Until then every call is refused, whatever it is about; or every task is unknown. */
  outage: { readonly reason: OutageAnswer; readonly untilMs: number } | undefined;
}

/**
 * What a provider answers to everything while it is out of order; `unknown-tasks` to polls alone, as
 * if it had no task.
 */
export type OutageAnswer = Extract<RefusalReason, 'server-error' | 'html-page'> | 'unknown-tasks';

/** The memory of a provider that nobody has called yet. */
export function createProviderState(
  dialect: Dialect,
  settings: ProviderSettings,
  context: SimulatorContext,
): ProviderState {
  return {
    dialect,
    settings,
    context,
    ledger: createLedgerRecorder(),
    tasks: new QuickLRU({ maxSize: MAX_TASKS }),
    idempotency: createIdempotencyCache(),
    submits: createRateWindow(
      settings.submitsPerMinute ?? DEFAULT_SUBMITS_PER_MINUTE,
      settings.rateWindowMs,
    ),
    tokens: createAccessTokens(),
    uploads: createUploads(),
    memory: new QuickLRU({ maxSize: MAX_REMEMBERED }),
    // Somewhere in a wide range: a restarted provider does not give out the same numbers again.
    sequence: randomInt(1_000_000, 1_000_000_000),
    webhookUrl: settings.webhookUrl,
    creditsLeft: settings.credits ?? dialect.startingCredits,
    liveTasks: 0,
    outage: undefined,
  };
}

/** Forgets everything and gives the credits back. */
export function clearProviderState(state: ProviderState): void {
  state.ledger.clear();
  state.tasks.clear();
  state.idempotency.clear();
  state.submits.clear();
  state.tokens.clear();
  state.uploads.clear();
  state.memory.clear();
  state.webhookUrl = state.settings.webhookUrl;
  state.creditsLeft = state.settings.credits ?? state.dialect.startingCredits;
  state.liveTasks = 0;
  state.outage = undefined;
}

/** A number this provider has not used before. */
export function nextSequence(state: ProviderState): number {
  state.sequence += 1;
  return state.sequence;
}

/** Makes the task findable by its id. */
export function keepTask(state: ProviderState, task: Task): void {
  state.tasks.set(task.id, task);
}

/** The task, unless it never existed or its time to be asked about is over. */
export function findTask(state: ProviderState, id: string, nowMs: number): Task | undefined {
  // Without `get`, which would move the task to the end of the list.
  const task = state.tasks.peek(id);
  return task && isKept(state, task, nowMs) ? task : undefined;
}

/** Every task that may still be asked about, oldest first. */
export function keptTasks(state: ProviderState, nowMs: number): Task[] {
  const tasks = [...state.tasks.entriesAscending()].map(([, task]) => task);
  return tasks.filter((task) => isKept(state, task, nowMs));
}

function isKept(state: ProviderState, task: Task, nowMs: number): boolean {
  return nowMs - (task.finishedAtMs ?? nowMs) <= state.dialect.keepsTasksForMs;
}
