import type { Request, Router } from 'express';
import type { RateUsage } from './account.ts';
import type { ImageProblem } from './picture.ts';
import type { Provider } from './provider.ts';
import type { Refusal } from './refusal.ts';
import type { Reply } from './reply.ts';
import type { TaskFacts, TaskView, Verdict } from './task.ts';

/** How a provider sends its webhooks. */
interface WebhookStyle {
  /** Which moments are told: only the end, or each live status too. */
  when: 'final' | 'every-change';
  /** Simulated pauses before the second, third, … try. */
  retryDelaysMs: readonly number[];
  /** Which answers of the receiver end the retrying. */
  accepts(status: number): boolean;
  /** What is told; undefined tells nothing at this moment. */
  body(task: TaskFacts, view: TaskView, provider: Provider): unknown;
  /** Signature headers over the exact bytes sent; called again for every try. */
  sign(message: { body: Buffer; secret: string; messageId: string }): Record<string, string>;
}

/**
 * One provider's wire format. Everything here is words and shapes; time, money, scenarios and
 * delivery belong to the engine.
 */
export interface Dialect {
  /** First path segment under which it is served. */
  name: string;
  /** Statuses a healthy task passes through before it ends, in order. */
  liveStatuses: readonly [string, ...string[]];
  /** The words for the ends; `canceled` only where tasks can be canceled. */
  finalStatuses: { completed: string; failed: string; canceled?: string };
  /** Whether credits come back when a task fails or is canceled. */
  refundsFailures: boolean;
  startingCredits: number;
  /** Signing secret unless one is configured; empty for a provider that signs nothing. */
  defaultSecret: string;
  /** Points on which documents disagree: name → allowed values, the first being the default. */
  switches: Readonly<Record<string, readonly [string, ...string[]]>>;
  /** How long a finished task can still be asked about, in real time. */
  keepsTasksForMs: number;
  /** Absent when the provider can only be polled. */
  webhook?: WebhookStyle;
  /** `sequence` is a number this provider has not used before, for ids that are numbers. */
  newTaskId(sequence: number): string;
  /** The API key in the request, or undefined when it is absent or has not the right look. */
  readKey(request: Request): string | undefined;
  /** The key is an access token, which a `provider.token` route gave out. */
  usesAccessTokens?: true;
  /** A known idempotency key is refused as `key-reused`; elsewhere it is answered as before. */
  refusesKnownKeys?: true;
  refuse(refusal: Refusal): Reply;
  /**
   * Decides how a task ends, for results that are not pictures. `problems` is about the submission's
   * `inspectedImages`, in their order; undefined where nothing is wrong.
   */
  judge?(task: TaskFacts, problems: readonly (ImageProblem | undefined)[]): Verdict;
  /** Headers for every answer to an authorised request. */
  rateHeaders?(usage: RateUsage): Record<string, string>;
  /** Routes that need no key, such as published verification keys. */
  mountOpen?(router: Router, provider: Provider): void;
  /** Routes that need a key. */
  mount(router: Router, provider: Provider): void;
}
