import type { Request, RequestHandler } from 'express';
import type { AccessToken, RateUsage } from './account.ts';
import type { ImageInput, ImageProblem } from './picture.ts';
import type { Refusal } from './refusal.ts';
import type { Reply, ServerSentEvent } from './reply.ts';
import type { Submission } from './submission.ts';
import type { TaskFacts, TaskView } from './task.ts';
import type { IncomingFile, Upload } from './upload.ts';

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
