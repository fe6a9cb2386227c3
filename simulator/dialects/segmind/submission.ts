import type { Request } from 'express';
import { z } from 'zod';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { invalid } from '../inputs.ts';
import { MODELS, type ModelRequest } from './models.ts';

// Facts: as in dialect.ts.

/** What a task keeps of its request. */
export const Notes = z.object({ wantsBase64: z.boolean() });

/** Reads a request for the model. */
export function readSubmission(
  request: Request,
  model: z.ZodType<ModelRequest>,
): Submission | Refusal {
  const parsed = model.safeParse(request.body);
  if (!parsed.success) return invalid(parsed.error);
  const { wantsBase64, ...wish } = parsed.data;
  return {
    ...wish,
    resultCount: 1,
    // ASSUMPTION: billed by GPU second, in money; here one unit each.
    creditCost: 1,
    notes: { wantsBase64 },
  };
}

/** How the refusal of a model begins. */
export const NO_MODEL = 'The model ';

/** Refuses any other model. */
export function refuseModel(request: Request): Refusal {
  const known = `It does ${Object.keys(MODELS).join(', ')}.`;
  const name = String(request.params['model']);
  return {
    reason: 'not-found',
    message: `${NO_MODEL}${name} is not supported by the simulator. ${known}`,
  };
}
