import { randomInt } from 'node:crypto';
import type { Dialect, RefusalReason } from '../contract/dialect.ts';
import type { ImagePool } from '../pictures/image-identity.ts';
import type { Gallery } from '../pictures/results.ts';
import type { ScenarioBoard } from '../scenarios/active-scenarios.ts';
import { type AccessTokens, createAccessTokens } from './access-tokens.ts';
import { setBounded } from './bounded.ts';
import type { Clock } from './clock.ts';
import { createIdempotencyCache, type IdempotencyCache } from './idempotency.ts';
import { createLedgerBook, type LedgerBook } from './ledger.ts';
import { createRateWindow, type RateWindow } from './rate-window.ts';
import type { Task } from './task.ts';
import { createUploadShelf, type UploadShelf } from './uploads.ts';
import type { WebhookCourier } from './webhook-sender.ts';

const maxTasks = 100_000;
/** High enough that only a configured limit is ever met; load tests submit thousands. */
const defaultSubmitsPerMinute = 100_000;

/** What may be configured for one provider; everything has a default. */
export interface ProviderSettings {
  /**
   * The only keys accepted; any key with the right look when absent. Two-part credentials are
   * joined by a colon.
   */
  keys?: string[];
  /** Webhook signing secret, taken literally. */
  secret?: string;
  /** The account's webhook, for submissions that name none. */
  webhookUrl?: string;
  /** Overrides how long access tokens live, in real time. */
  tokenLifetimeMs?: number;
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
  images: ImagePool;
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
  readonly tokens: AccessTokens;
  readonly uploads: UploadShelf;
  /** What the dialect itself remembers between calls. */
  readonly memory: Map<string, unknown>;
  /** Goes up for ever, so that nothing that was named by a number is confused after a reset. */
  sequence: number;
  /** Where messages go for submissions that name no URL of their own. */
  webhookUrl: string | undefined;
  creditsLeft: number;
  liveTasks: number;
  /** Until then every call is refused, whatever it is about. */
  outage: { readonly reason: OutageAnswer; readonly untilMs: number } | undefined;
}

/** What a provider answers to everything while it is out of order. */
export type OutageAnswer = Extract<RefusalReason, 'server-error' | 'html-page'>;

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
    tokens: createAccessTokens(),
    uploads: createUploadShelf(),
    memory: new Map(),
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
  state.book.clear();
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
  setBounded(state.tasks, task.id, task, maxTasks);
}

/** The task, unless it never existed or its time to be asked about is over. */
export function findTask(state: ProviderState, id: string, nowMs: number): Task | undefined {
  const task = state.tasks.get(id);
  return task && isKept(state, task, nowMs) ? task : undefined;
}

/** Every task that may still be asked about, oldest first. */
export function keptTasks(state: ProviderState, nowMs: number): Task[] {
  return [...state.tasks.values()].filter((task) => isKept(state, task, nowMs));
}

function isKept(state: ProviderState, task: Task, nowMs: number): boolean {
  return nowMs - (task.finishedAtMs ?? nowMs) <= state.dialect.keepsTasksForMs;
}
