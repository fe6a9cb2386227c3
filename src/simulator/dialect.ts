import type { Request, RequestHandler, Router } from 'express';

/** An HTTP answer before it is written; `body` is sent as JSON. */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** Why a request was turned away. A dialect turns each into its provider's own error body. */
export type RefusalReason =
  | 'unauthorized'
  | 'invalid'
  | 'too-large'
  | 'not-found'
  | 'key-reused'
  | 'rate-limited'
  | 'concurrency-limited'
  | 'out-of-credit'
  | 'server-error'
  | 'html-page';

export interface Refusal {
  reason: RefusalReason;
  message: string;
  retryAfterSeconds?: number;
}

/** Why an accepted task ended badly. */
export type FailureKind = 'image-load' | 'moderation' | 'generation';

export interface OutputSize {
  widthPx: number;
  heightPx: number;
  /** `inside` keeps the person's proportions within the size; `cover` fills it exactly. */
  fit: 'inside' | 'cover';
}

/** A valid submit request in the engine's words. Images are http(s) URLs or `data:` URIs. */
export interface Submission {
  personImage: string;
  garmentImages: string[];
  outputSize: OutputSize;
  /** How many result images are asked for. */
  resultCount: number;
  creditCost: number;
  idempotencyKey?: string;
  webhookUrl?: string;
  /** Answer with a stock picture and do not look at the inputs, as sandbox keys do. */
  stockResult?: boolean;
  /** Whatever the dialect needs again when it describes the task. */
  notes: Readonly<Record<string, unknown>>;
}

/** What can be said about a task at one moment. */
export type TaskView =
  | { state: 'live'; status: string }
  | { state: 'completed'; resultUrls: string[] }
  | { state: 'failed'; kind: FailureKind; message: string };

/** The part of a task that a dialect may see. */
export interface TaskFacts {
  readonly id: string;
  readonly submission: Submission;
}

/** Calls against the limit that is counted over a sliding minute. */
export interface RateUsage {
  limitPerMinute: number;
  remaining: number;
  /** Unix seconds at which the oldest counted call ages out. */
  resetAtSeconds: number;
}

export interface WebhookStyle {
  /** Which moments are told: only the end, or each live status too. */
  when: 'final' | 'every-change';
  /** Simulated pauses before the second, third, … try. */
  retryDelaysMs: readonly number[];
  /** Which answers of the receiver end the retrying. */
  accepts(status: number): boolean;
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
  finalStatuses: { completed: string; failed: string };
  /** Whether credits come back when a task fails. */
  refundsFailures: boolean;
  startingCredits: number;
  /** Signing secret unless one is configured; empty for a provider that signs nothing. */
  defaultSecret: string;
  /** Points on which documents disagree: name → allowed values, the first being the default. */
  switches: Readonly<Record<string, readonly [string, ...string[]]>>;
  /** How long a finished task can still be asked about, in real time. */
  keepsTasksForMs: number;
  webhook: WebhookStyle;
  newTaskId(): string;
  /** The API key in the request, or undefined when it is absent or has not the right look. */
  readKey(request: Request): string | undefined;
  refuse(refusal: Refusal): Reply;
  /** Headers for every answer to an authorised request. */
  rateHeaders?(usage: RateUsage): Record<string, string>;
  /** Routes that need no key, such as published verification keys. */
  mountOpen?(router: Router, provider: Provider): void;
  /** Routes that need a key. */
  mount(router: Router, provider: Provider): void;
}

/** What the engine offers a dialect while it mounts its routes. */
export interface Provider {
  /** A route that accepts work: `read` validates, `reply` says what an accepted task answers. */
  submit(
    read: (request: Request) => Submission | Refusal,
    reply: (task: TaskFacts) => Reply | Promise<Reply>,
  ): RequestHandler;
  /** A route that reports the task named by the path parameter `id`. */
  poll(reply: (task: TaskFacts, view: TaskView) => Reply | Promise<Reply>): RequestHandler;
  /** A route that reports the account. */
  account(reply: (account: { creditsLeft: number; rate: RateUsage }) => Reply): RequestHandler;
  /** The task as it is now. */
  view(task: TaskFacts): TaskView;
  /** Resolves when the task is final, or after `limitMs` of simulated time. */
  untilFinal(task: TaskFacts, limitMs: number): Promise<void>;
  /** The task's result pictures as PNG bytes. */
  pictures(task: TaskFacts): Promise<Buffer[]>;
  /** The chosen value of one of the dialect's switches. */
  chosen(switchName: string): string;
}
