import { z } from 'zod';
import { MAX_DATA_BYTES, MAX_RESULT_URL, MAX_RESULTS } from './wire-values.ts';

/**
 * What an adapter may answer, as schemas: shapes, and sizes that a record, a job and a callback
 * bear. What decides something is refused when it is wrong; words for people are only cut, because
 * a long sentence is no reason to lose a verdict.
 */

const MAX_TASK_ID = 256;
/**
 * All links of an outcome, and some of their characters escaped: where a provider answers at once,
 * the handle is the one place that remembers what was paid for. Twice as long, as JSON in a record's
 * JSON may be, it still leaves a record room for the results themselves.
 */
const MAX_HANDLE = 2 * MAX_RESULTS * MAX_RESULT_URL + MAX_DATA_BYTES;
const MAX_PREPARED = 16_384;
/** As `statusWord` cuts it. */
const MAX_STATUS = 64;
export const MAX_CODE = 64;
const MAX_MESSAGE = 1_000;

/** What people read, no longer than anybody reads. */
export function cutMessage(message: string): string {
  return message.slice(0, MAX_MESSAGE);
}

const TaskName = z.string().min(1).max(MAX_TASK_ID);

/** A task's name apart from the rest: one that was paid for is not lost to an odd handle. */
export const TaskId = z.object({ id: TaskName });
export const Task = TaskId.extend({ handle: z.string().max(MAX_HANDLE).optional() });

/** Data that is no file: as JSON brings it, so that nothing of it changes on its way. */
const Data = z.unknown().transform((data, context) => {
  try {
    const text = JSON.stringify(data, refusingOddNumbers);
    if (text !== undefined && Buffer.byteLength(text) <= MAX_DATA_BYTES) {
      return JSON.parse(text) as unknown; // any, by its type
    }
    context.addIssue(text === undefined ? 'is missing' : `is over ${MAX_DATA_BYTES} bytes`);
  } catch {
    context.addIssue('is no JSON');
  }
  return z.NEVER;
});

/** JSON.stringify makes null of NaN and of Infinity. */
function refusingOddNumbers(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  throw new RangeError('not a number that JSON can hold');
}

const ResultAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('file'),
    url: z.string().min(1).max(MAX_RESULT_URL),
    // Decides nothing: one that is none is left out.
    contentType: z.string().max(256).optional().catch(undefined),
    expiresAt: z.number().min(0).max(8_640_000_000_000_000).optional().catch(undefined),
  }),
  z.object({ kind: z.literal('data'), data: Data }),
]);

/** All results of a task together: as many links as wire-values.ts takes, or as much data. */
const Results = z
  .array(ResultAnswer)
  .max(MAX_RESULTS)
  .refine((results) => {
    const data = results.flatMap((one) => (one.kind === 'data' ? [one.data] : []));
    return data.length < 2 || Buffer.byteLength(JSON.stringify(data)) <= MAX_DATA_BYTES;
  }, `hold over ${MAX_DATA_BYTES} bytes of data together`);

const ReasonAnswer = z.object({
  code: z.string().min(1).max(MAX_CODE),
  message: z.string().transform(cutMessage),
  mayHelpToRetry: z.boolean().optional().catch(undefined),
});

/** Decides nothing: one that is none is left out. */
const ChargeAnswer = z
  .object({ amount: z.number().min(0).max(1e12), unit: z.string().min(1).max(16) })
  .optional()
  .catch(undefined);

const OutcomeAnswer = z.discriminatedUnion('verdict', [
  z.object({ verdict: z.literal('completed'), results: Results }),
  z.object({ verdict: z.enum(['failed', 'timed_out', 'canceled']), reason: ReasonAnswer }),
]);

export const ObservationAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('live'),
    status: z.string().transform((status) => status.slice(0, MAX_STATUS)),
    progress: z.number().min(0).max(1).optional().catch(undefined),
  }),
  z.object({ kind: z.literal('final'), outcome: OutcomeAnswer, charge: ChargeAnswer }),
  z.object({ kind: z.literal('missing') }),
]);

/** The task apart from the outcome: one that is known is not lost to an outcome that is not. */
export const SubmitAnswerTask = z.object({ task: z.unknown() });
export const SubmitAnswerOutcome = z.object({
  outcome: OutcomeAnswer.optional(),
  charge: ChargeAnswer,
});

export const PrepareAnswer = z.object({
  prepared: z.string().max(MAX_PREPARED),
  done: z.boolean(),
});

export const ReadingTask = z.object({ taskId: TaskName });
export const ReadingObservation = z.object({ observation: ObservationAnswer });

export const AccountAnswer = z.object({
  credits: z.number().optional(),
  requestsLeft: z.number().optional(),
});
