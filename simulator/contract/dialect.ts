import type { Request, RequestHandler, Router } from 'express';
import type { ServerSentEvent } from '../routes/event-stream.ts';

/** An HTTP answer before it is written; `body` is sent as JSON, or as it is when it is a Buffer. */
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
  /** What is wrong where, for a dialect that lists it: one entry per mistake. */
  mistakes?: readonly { path: readonly (string | number)[]; message: string; isMissing: boolean }[];
}

/** Why an accepted task ended badly. */
export type FailureKind = 'image-load' | 'moderation' | 'generation';

export interface OutputSize {
  widthPx: number;
  heightPx: number;
  /**
   * `inside` keeps the person's proportions within the size; `cover` fills it exactly and cuts off
   * what is too much; `contain` fills it exactly and adds backdrop.
   */
  fit: 'inside' | 'cover' | 'contain';
}

/** What a result picture is saved as; also the end of its address. */
export type PictureFormat = 'png' | 'jpeg' | 'webp';

/** What becomes of a picture when nobody is dressed. */
export type Drawing =
  /** Its backdrop is made transparent. */
  | { kind: 'cut-out' }
  /** Its backdrop is made this colour. */
  | { kind: 'backdrop'; colour: string }
  /** Backdrop is added, as parts of its height and, on both sides, of its width. */
  | { kind: 'extension'; above: number; below: number; beside: number }
  /** All its colours are turned. */
  | { kind: 'recolouring'; degrees: number };

/** An http(s) URL, a `data:` URI, or the picture's own bytes. */
export type ImageInput = string | Buffer;

/** What is wrong with one input image: it could not be had, or it is not a picture. */
export interface ImageProblem {
  kind: 'unreachable' | 'unreadable';
  message: string;
}

/** A valid submit request in the engine's words. */
export interface Submission {
  /** Absent when nobody is to be dressed; then there are no result pictures either. */
  personImage?: ImageInput;
  garmentImages: ImageInput[];
  /** Images that are looked at one by one; what is wrong with them is left to `judge`. */
  inspectedImages?: ImageInput[];
  outputSize: OutputSize;
  /** What is done to the person's picture in place of dressing the person. */
  drawing?: Drawing;
  /** `png` unless told. */
  outputFormat?: PictureFormat;
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
  /** `data` is what the dialect's `judge` gave, where it has one. */
  | { state: 'completed'; resultUrls: string[]; status?: string; data?: unknown }
  | { state: 'failed'; kind: FailureKind; message: string; data?: unknown }
  | { state: 'canceled' };

/** How a task ends. `status` is for a good end that has a word of its own. */
export type Verdict =
  | { state: 'completed'; status?: string; data?: unknown }
  | { state: 'failed'; kind: FailureKind; message: string; data?: unknown }
  | { state: 'canceled' };

/** The part of a task that a dialect may see. */
export interface TaskFacts {
  readonly id: string;
  readonly submission: Submission;
  /** Unix milliseconds, real time. */
  readonly acceptedAtMs: number;
  readonly finishedAtMs: number | undefined;
}

/** A file that was sent ahead of the work it is for. */
export interface Upload {
  readonly id: string;
  /** Which of the provider's collections it is in. */
  readonly library: string;
  readonly bytes: Buffer;
  readonly name: string;
  /** Whatever the dialect needs again when it describes the file. */
  readonly notes: Readonly<Record<string, unknown>>;
  readonly uploadedAtMs: number;
}

/** A file as a request brings it. `id` is for a dialect that named the file before it came. */
export interface IncomingFile {
  bytes: Buffer;
  name: string;
  id?: string;
  notes?: Readonly<Record<string, unknown>>;
}

/** A key that lives for a while only. */
export interface AccessToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
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

/** What the engine offers a dialect while it mounts its routes. */
export interface Provider {
  /** A route that accepts work: `read` validates, `reply` says what an accepted task answers. */
  submit(
    read: (request: Request) => Submission | Refusal | Promise<Submission | Refusal>,
    reply: (task: TaskFacts) => Reply | Promise<Reply>,
  ): RequestHandler;
  /** A route that takes a file, free of charge, into one of the provider's libraries. */
  upload(
    library: string,
    read: (request: Request) => Promise<IncomingFile | Refusal>,
    reply: (upload: Upload) => Reply,
  ): RequestHandler;
  /** What is in a library, oldest first. */
  uploads(library: string): Upload[];
  /** The file in a library, if it is there. */
  findUpload(library: string, id: string): Upload | undefined;
  /** Deletes the file; says whether it was there. */
  deleteUpload(library: string, id: string): boolean;
  /** A route that reports the task named by the path parameter `id`. */
  poll(reply: (task: TaskFacts, view: TaskView) => Reply | Promise<Reply>): RequestHandler;
  /**
   * A route that cancels the task named by the path parameter `id`: a live one ends `canceled`, a
   * finished one is left alone. `before` is the task as the request found it.
   */
  cancel(
    reply: (
      task: TaskFacts,
      cancel: { isCanceled: boolean; before: TaskView },
    ) => Reply | Promise<Reply>,
  ): RequestHandler;
  /**
   * A route that tells the task named by the path parameter `id` as server-sent events. `views` are
   * the task as it is, and every change up to its end. Not a poll: what a scenario does to polls
   * does not touch it.
   */
  stream(
    tell: (
      task: TaskFacts,
      views: AsyncIterable<TaskView>,
      request: Request,
    ) => AsyncIterable<ServerSentEvent>,
    headers?: (task: TaskFacts) => Record<string, string>,
  ): RequestHandler;
  /** A route about no task: what the account has, what can be run. */
  answer(reply: (request: Request) => Reply | Refusal | Promise<Reply | Refusal>): RequestHandler;
  /** A route that lists the tasks that `matches` picks, oldest first. */
  search(
    matches: (request: Request) => ((task: TaskFacts) => boolean) | Refusal,
    reply: (tasks: TaskFacts[]) => Reply | Promise<Reply>,
  ): RequestHandler;
  /**
   * A route, for `mountOpen`, that gives an access token for the account's key. `read` finds the
   * key in the parsed body; two-part credentials are joined by a colon.
   */
  token(
    read: (request: Request) => string | Refusal,
    reply: (token: AccessToken) => Reply,
    lifetimeMs: number,
  ): RequestHandler;
  /** A route that reports the account. */
  account(reply: (account: { creditsLeft: number; rate: RateUsage }) => Reply): RequestHandler;
  /** The task as it is now. */
  view(task: TaskFacts): TaskView;
  /** Ends the task as canceled although nobody asked; false when it had already ended. */
  giveUp(task: TaskFacts): boolean;
  /** What the dialect itself must remember between calls; emptied by a reset. */
  readonly memory: Map<string, unknown>;
  /** Resolves when the task is final, or after `limitMs` of simulated time. */
  untilFinal(task: TaskFacts, limitMs: number): Promise<void>;
  /** The bytes of the task's result pictures, in the format that the submission asks for. */
  pictures(task: TaskFacts): Promise<Buffer[]>;
  /** Looks at images; says for each what is wrong with it, or nothing when it is a picture. */
  inspect(images: readonly ImageInput[]): Promise<(ImageProblem | undefined)[]>;
  /** The absolute address of one of this provider's own paths. */
  url(path: string): string;
  /** What signs the webhooks: the configured secret, or the dialect's own. */
  signingSecret(): string;
  /** The chosen value of one of the dialect's switches. */
  chosen(switchName: string): string;
}
