import type { RefusalReason } from '../contract/refusal.ts';
import type { ScenarioName } from '../scenarios/scenarios.ts';

/** One try to deliver one message. */
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

/** One request that was turned away. */
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

/** One repeat that was answered like the first. */
export interface ReplayEntry {
  atMs: number;
  taskId: string;
  idempotencyKey: string;
}

/** What happened at one provider, oldest first. */
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
