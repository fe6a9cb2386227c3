import type { Request } from 'express';
import { z } from 'zod';
import type { Refusal } from '../../contract/refusal.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { invalid } from '../inputs.ts';
import { type JobKind, kindOf } from './job-request.ts';

// Facts: as in dialect.ts.

const Search = z.object({
  customId: z.string().optional(),
  feedId: z.string().optional(),
  // ASSUMPTION: Unix milliseconds, as all times here are.
  before: z.coerce.number().optional(),
  after: z.coerce.number().optional(),
});

/** Which jobs of the kind a search asks for. */
export function matcherOf(
  request: Request,
  kind: JobKind,
): ((task: TaskFacts) => boolean) | Refusal {
  const parsed = Search.safeParse(request.query);
  if (!parsed.success) return invalid(parsed.error);
  const { customId, feedId, before, after } = parsed.data;
  return (task) =>
    kindOf(task) === kind &&
    (customId === undefined || task.submission.notes['customId'] === customId) &&
    (feedId === undefined || task.submission.notes['feedId'] === feedId) &&
    (before === undefined || task.acceptedAtMs < before) &&
    (after === undefined || task.acceptedAtMs > after);
}
