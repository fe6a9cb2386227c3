import type { RefusalReason } from '../contract/dialect.ts';
import type { ScenarioName } from '../scenarios/scenarios.ts';
import { setBounded } from './bounded.ts';

/** Entries kept per list and provider; `forgotten` counts those that fell off the old end. */
const maxEntries = 100_000;

export interface WebhookAttempt {
  atMs: number;
  kind: 'true' | 'forged' | 'progress';
  /** 1 for the first try of a message, 2 for its first repeat, … */
  tryNumber: number;
  /** What the receiver answered; null when there was no answer at all. */
  answeredStatus: number | null;
}

/** One accepted submission. */
export interface AcceptedEntry {
  taskId: string;
  scenario: ScenarioName;
  idempotencyKey: string | null;
  webhookUrl: string | null;
  inputFingerprint: string;
  /** The caller's own name for the input: `marker` in the query of an image's URL. */
  marker: string | null;
  /** False for work that costs nothing, such as a sandbox key's. */
  isPaid: boolean;
  creditsCharged: number;
  creditsRefunded: number;
  acceptedAtMs: number;
  doneAtMs: number | null;
  finalStatus: string | null;
  polls: number;
  replays: number;
  /** How often the task was asked to stop, late requests included. */
  cancelRequests: number;
  webhookAttempts: WebhookAttempt[];
}

export interface RefusedEntry {
  atMs: number;
  reason: RefusalReason;
  httpStatus: number;
  idempotencyKey: string | null;
  inputFingerprint: string | null;
}

/** A file that was sent ahead of the work it is for. Never charged. */
export interface UploadEntry {
  atMs: number;
  uploadId: string;
  library: string;
  scenario: ScenarioName;
  byteCount: number;
  /** The same bytes always give the same one. */
  fingerprint: string;
}

export interface ReplayEntry {
  atMs: number;
  taskId: string;
  idempotencyKey: string;
}

export interface ProviderLedger {
  creditsLeft: number;
  accepted: AcceptedEntry[];
  refused: RefusedEntry[];
  replays: ReplayEntry[];
  uploads: UploadEntry[];
  /** Polls that named a task nobody knows. */
  unknownPolls: number;
  /** Times the tasks were searched. */
  searches: number;
  /** Access tokens given out. */
  tokensIssued: number;
  /** Entries dropped because a list was full. */
  forgotten: number;
}

/** Provider name → what really happened there. What audits compare the product with. */
export type Ledger = Record<string, ProviderLedger>;

export interface LedgerBook {
  accepted(entry: AcceptedEntry): void;
  refused(entry: RefusedEntry): void;
  replayed(entry: ReplayEntry): void;
  uploaded(entry: UploadEntry): void;
  searched(): void;
  tokenIssued(): void;
  finished(taskId: string, end: { status: string; atMs: number; creditsRefunded: number }): void;
  polled(taskId: string, isKnown: boolean): void;
  cancelRequested(taskId: string): void;
  webhookTried(taskId: string, attempt: WebhookAttempt): void;
  /** A copy that later events do not change. */
  read(creditsLeft: number): ProviderLedger;
  clear(): void;
}

/** The book of one provider. Events about tasks it does not hold any more are passed over. */
export function createLedgerBook(): LedgerBook {
  const accepted = new Map<string, AcceptedEntry>();
  let refused: RefusedEntry[] = [];
  let replays: ReplayEntry[] = [];
  let uploads: UploadEntry[] = [];
  let searches = 0;
  let tokensIssued = 0;
  let unknownPolls = 0;
  let forgotten = 0;

  function pushBounded<Entry>(list: Entry[], entry: Entry): void {
    list.push(entry);
    if (list.length > maxEntries) {
      list.shift();
      forgotten += 1;
    }
  }

  return {
    accepted(entry) {
      if (accepted.size >= maxEntries) forgotten += 1;
      setBounded(accepted, entry.taskId, entry, maxEntries);
    },
    refused: (entry) => pushBounded(refused, entry),
    replayed(entry) {
      pushBounded(replays, entry);
      const original = accepted.get(entry.taskId);
      if (original) original.replays += 1;
    },
    uploaded: (entry) => pushBounded(uploads, entry),
    searched: () => {
      searches += 1;
    },
    tokenIssued: () => {
      tokensIssued += 1;
    },
    finished(taskId, end) {
      const entry = accepted.get(taskId);
      if (!entry) return;
      entry.finalStatus = end.status;
      entry.doneAtMs = end.atMs;
      entry.creditsRefunded = end.creditsRefunded;
    },
    polled(taskId, isKnown) {
      if (!isKnown) unknownPolls += 1;
      const entry = accepted.get(taskId);
      if (entry) entry.polls += 1;
    },
    cancelRequested(taskId) {
      const entry = accepted.get(taskId);
      if (entry) entry.cancelRequests += 1;
    },
    webhookTried: (taskId, attempt) => accepted.get(taskId)?.webhookAttempts.push(attempt),
    read: (creditsLeft) =>
      structuredClone({
        creditsLeft,
        accepted: [...accepted.values()],
        refused,
        replays,
        uploads,
        unknownPolls,
        searches,
        tokensIssued,
        forgotten,
      }),
    clear() {
      accepted.clear();
      refused = [];
      replays = [];
      uploads = [];
      unknownPolls = 0;
      searches = 0;
      tokensIssued = 0;
      forgotten = 0;
    },
  };
}
