import type { Job } from 'bullmq';
import { queueNames } from '../config/queues.ts';
import { CompletionsJob, SubmitJob, SubscriberJob } from '../generation/jobs.ts';
import { CALLBACK } from '../store/subscribers.ts';

/**
 * Why a job was given up, in a closed list: BullMQ keeps the error's message only, which may hold
 * anything, so it is read here and nowhere shown.
 *
 * `http_4xx` `http_5xx` `http_other`  The other side answered, and not with success.
 * `timeout`        It did not answer in time.
 * `unreachable`    There was no connection, or it broke.
 * `refused`        A final no of our own or of the receiver (`callback_gone`,
 *                  `callback_retry_too_late`, `private_address`).
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
export type DeadJobClass = (typeof DEAD_JOB_CLASSES)[number];

/** Class and code of a dead job, from its queue and the message of its last error. */
export function deadJobReason(
  queue: string,
  failedReason: string,
): { kind: DeadJobClass; code: string } {
  const named = (kind: DeadJobClass, code: string = kind) => ({ kind, code });
  if (failedReason.includes('stalled more than allowable limit')) return named('stalled');
  if (failedReason === 'The job does not have the shape of its queue.') return named('unreadable');
  if (failedReason.startsWith('defect: ')) return named('defect');
  // What an app's own handler throws is its own business, whatever it looks like.
  if (isHandlers(queue)) return named('handler_error');
  const status = /\banswered (\d{3})\b/.exec(failedReason)?.[1];
  if (status) return named(httpClass(status), `http_${status}`);
  if (failedReason.includes('no whole answer within')) return named('timeout');
  if (/: (E[A-Z_]{3,}|UND_ERR_\w+|the connection ended)$/.test(failedReason)) {
    return named('unreachable');
  }
  const code = /^([a-z][a-z_]{2,39}): /.exec(failedReason)?.[1];
  return code ? named('refused', code) : named('handler_error');
}

function isHandlers(queue: string): boolean {
  return queue.startsWith(queueNames.subscriber('')) && queue !== queueNames.subscriber(CALLBACK);
}

function httpClass(status: string): DeadJobClass {
  if (status.startsWith('4')) return 'http_4xx';
  return status.startsWith('5') ? 'http_5xx' : 'http_other';
}

/** Which generations a job is about; and whose they are, where the job itself says so. */
export interface JobSubject {
  readonly ids: readonly string[];
  readonly tenant?: string;
  readonly provider?: string;
}

/** Nothing where the payload cannot be read. */
export function subjectOf(queue: string, data: Job['data']): JobSubject {
  if (queue === queueNames.completions) {
    const parsed = CompletionsJob.safeParse(data);
    return { ids: parsed.success ? parsed.data.items.map(({ id }) => id) : [] };
  }
  const submits = queueNames.submit('');
  if (queue.startsWith(submits)) {
    const parsed = SubmitJob.safeParse(data);
    return { ids: parsed.success ? [parsed.data.id] : [], provider: queue.slice(submits.length) };
  }
  const parsed = SubscriberJob.safeParse(data);
  if (!parsed.success) return { ids: [] };
  const { generationId, tenant, provider } = parsed.data.event.data;
  return { ids: [generationId], tenant, provider };
}

/** Whether this queue's dead jobs can be redriven. A lost round is added again by itself. */
export function isRedrivable(queue: string): boolean {
  const families = [queueNames.subscriber(''), queueNames.submit('')];
  return queue === queueNames.completions || families.some((family) => queue.startsWith(family));
}
