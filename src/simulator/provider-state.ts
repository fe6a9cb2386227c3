import { setBounded } from './bounded.ts';
import type { Clock } from './clock.ts';
import type { Dialect } from './dialect.ts';
import type { Gallery } from './gallery.ts';
import { createIdempotencyCache, type IdempotencyCache } from './idempotency.ts';
import { createLedgerBook, type LedgerBook } from './ledger.ts';
import { createRateWindow, type RateWindow } from './rate-window.ts';
import type { ScenarioBoard } from './scenario-board.ts';
import type { Task } from './task.ts';
import type { WebhookCourier } from './webhook-courier.ts';

const maxTasks = 100_000;
/** High enough that only a configured limit is ever met; load tests submit thousands. */
const defaultSubmitsPerMinute = 100_000;

/** What may be configured for one provider; everything has a default. */
export interface ProviderSettings {
  /** The only keys accepted; any key with the right look when absent. */
  keys?: string[];
  /** Webhook signing secret, taken literally. */
  secret?: string;
  credits?: number;
  submitsPerMinute?: number;
  /** Tasks that may be live at once; unlimited when absent. */
  concurrentTasks?: number;
  /** Choices for the dialect's switches. */
  switches?: Record<string, string>;
}

/** What all providers of one simulator share. */
export interface World {
  clock: Clock;
  gallery: Gallery;
  courier: WebhookCourier;
  board: ScenarioBoard;
  /** Simulated time the next task takes. */
  nextLatencyMs(): number;
  /** The simulator's own address, without a slash at the end. */
  baseUrl(): string;
  /** Ends when the simulator is reset or closed; work begun before must then leave no trace. */
  life(): AbortSignal;
  log(line: string): void;
}

/** Everything one provider remembers. */
export interface ProviderState {
  readonly dialect: Dialect;
  readonly settings: ProviderSettings;
  readonly world: World;
  readonly book: LedgerBook;
  readonly tasks: Map<string, Task>;
  readonly idempotency: IdempotencyCache;
  readonly submits: RateWindow;
  creditsLeft: number;
  liveTasks: number;
}

/** The memory of a provider that nobody has called yet. */
export function createProviderState(
  dialect: Dialect,
  settings: ProviderSettings,
  world: World,
): ProviderState {
  return {
    dialect,
    settings,
    world,
    book: createLedgerBook(),
    tasks: new Map(),
    idempotency: createIdempotencyCache(),
    submits: createRateWindow(settings.submitsPerMinute ?? defaultSubmitsPerMinute),
    creditsLeft: settings.credits ?? dialect.startingCredits,
    liveTasks: 0,
  };
}

/** Forgets everything and gives the credits back. */
export function clearProviderState(state: ProviderState): void {
  state.book.clear();
  state.tasks.clear();
  state.idempotency.clear();
  state.submits.clear();
  state.creditsLeft = state.settings.credits ?? state.dialect.startingCredits;
  state.liveTasks = 0;
}

/** Makes the task findable by its id. */
export function keepTask(state: ProviderState, task: Task): void {
  setBounded(state.tasks, task.id, task, maxTasks);
}

/** The task, unless it never existed or its time to be asked about is over. */
export function findTask(state: ProviderState, id: string, nowMs: number): Task | undefined {
  const task = state.tasks.get(id);
  const finishedAtMs = task?.finishedAtMs ?? nowMs;
  return nowMs - finishedAtMs > state.dialect.keepsTasksForMs ? undefined : task;
}
