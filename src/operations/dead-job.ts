import type { Job } from 'bullmq';
import { readQueueName } from '../config/queues.ts';
import { codeIn, HANDLER_ERROR, UNREADABLE } from '../generation/job-failure.ts';
import { CompletionsJob, SubmitJob, SubscriberJob } from '../generation/jobs.ts';
import { CALLBACKS } from '../store/subscribers.ts';

/**
 * Why a job was given up, in a closed list. The line that the queue keeps may hold anything after
 * its code, so it is read here and nowhere shown.
 *
 * `http_4xx` `http_5xx` `http_other`  The other side answered, and not with success.
 * `timeout`        It did not answer in time.
 * `unreachable`    There was no connection, or it broke.
 * `refused`        A final no of our own or of the receiver (`callback_gone`,
 *                  `callback_retry_too_late`, `callback_disabled`, `private_address`).
 * `handler_error`  A subscriber's handler, or our own stage, threw something else.
 * `defect`         An invariant of ours broke: the same again, unless the code has changed.
 * `unreadable`     The payload does not have the shape of its queue.
 * `stalled`        Its workers died with it too often.
 */
export const DEAD_JOB_CLASSES = [
  'http_4xx',
  'http_5xx',
  'http_other',
  'timeout',
  'unreachable',
  'refused',
  'handler_error',
  'defect',
  'unreadable',
  'stalled',
] as const;
type DeadJobClass = (typeof DEAD_JOB_CLASSES)[number];

interface DeadJobReason {
  readonly kind: DeadJobClass;
  readonly code: string;
}

/** Class and code of a dead job, from its queue and the line that the queue keeps of its end. */
export function deadJobReason(queue: string, failedReason: string): DeadJobReason {
  const code = codeIn(failedReason) ?? codeOfSentence(failedReason);
  const reason = named(code);
  // What an app's own handler throws is its own business, whatever it looks like.
  const isOurs = ['defect', 'unreadable', 'stalled'].includes(reason.kind);
  return isOurs || !isHandlers(queue) ? reason : named(HANDLER_ERROR);
}

function named(code: string): DeadJobReason {
  const status = /^http_(\d)\d\d$/.exec(code)?.[1];
  if (status) return { kind: HTTP_CLASSES[status] ?? 'http_other', code };
  return { kind: DEAD_JOB_CLASSES.find((kind) => kind === code) ?? 'refused', code };
}

const HTTP_CLASSES: Readonly<Partial<Record<string, DeadJobClass>>> = {
  4: 'http_4xx',
  5: 'http_5xx',
};

/**
 * BullMQ's own sentence has no code; and up to 0.1 a job kept its error's message alone, and most
 * messages began with none.
 */
function codeOfSentence(message: string): string {
  if (message.includes('stalled more than allowable limit')) return 'stalled';
  if (message === UNREADABLE.sentence) return UNREADABLE.code;
  const status = /\banswered (\d{3})\b/.exec(message)?.[1];
  if (status) return `http_${status}`;
  if (message.includes('no whole answer within')) return 'timeout';
  const isBroken = /: (E[A-Z_]{3,}|UND_ERR_\w+|the connection ended)$/.test(message);
  return isBroken ? 'unreachable' : HANDLER_ERROR;
}

function isHandlers(queue: string): boolean {
  const name = readQueueName(queue);
  return name?.family === 'subscriber' && !CALLBACKS.includes(name.of);
}

/** Which generations a job is about; and whose they are, where the job itself says so. */
export interface JobSubject {
  readonly ids: readonly string[];
  readonly tenant?: string;
  readonly provider?: string;
}

/** Nothing where the payload cannot be read. */
export function subjectOf(queue: string, data: Job['data']): JobSubject {
  const name = readQueueName(queue);
  if (name?.family === 'completions') {
    const parsed = CompletionsJob.safeParse(data);
    return { ids: parsed.success ? parsed.data.items.map(({ id }) => id) : [] };
  }
  if (name?.family === 'submit') {
    const parsed = SubmitJob.safeParse(data);
    return { ids: parsed.success ? [parsed.data.id] : [], provider: name.of };
  }
  const parsed = SubscriberJob.safeParse(data);
  if (!parsed.success) return { ids: [] };
  const { generationId, tenant, provider } = parsed.data.event.data;
  return { ids: [generationId], tenant, provider };
}

/** Whether this queue's dead jobs can be redriven. A lost round is added again by itself. */
export function isRedrivable(queue: string): boolean {
  const name = readQueueName(queue);
  return name !== undefined && name.family !== 'poll';
}
