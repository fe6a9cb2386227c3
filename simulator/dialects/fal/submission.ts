import type { Request } from 'express';
import { z } from 'zod';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { HttpUrl } from '../inputs.ts';
import { MODELS, type Model } from './models.ts';

// Facts: fal, "Queue" and "Errors", read 2026-11-21. What no document says is an ASSUMPTION.

const Notes = z.object({
  /** The model's name. */
  model: z.string(),
  isInline: z.boolean(),
  startTimeoutSeconds: z.number().optional(),
});

/** What a request asked for beyond its pictures. */
type Notes = z.infer<typeof Notes>;

/** The notes of a request that `readSubmission` has read. */
export function notesOf({ notes }: Submission): Notes {
  return Notes.parse(notes);
}

/** The model that a request was made of. */
export function modelOf(submission: Submission): Model {
  const { model } = notesOf(submission);
  const found = MODELS.find(({ name }) => name === model);
  if (!found) throw new Error(`A request was made of ${model}, which there is not`);
  return found;
}

/** Reads a submission to the queue, or a call that waits; both have the model's input as body. */
export function readSubmission(request: Request, model: Model): Submission | Refusal {
  const parsed = model.input.safeParse(request.body ?? {});
  if (!parsed.success) return invalidInput(parsed.error, request.body);
  const webhook = HttpUrl.optional();
  const webhookUrl = webhook.safeParse(request.query['fal_webhook']);
  if (!webhookUrl.success) {
    const message = 'fal_webhook must be a URL.';
    const mistakes = [{ path: ['query', 'fal_webhook'], message, isMissing: false }];
    return { reason: 'invalid', message, mistakes };
  }
  const { isInline, ...work } = model.read(parsed.data);
  const startTimeoutSeconds = startTimeout(request);
  return {
    ...work,
    // The models' pages: each picture has its price; here one unit each.
    creditCost: work.resultCount,
    ...(webhookUrl.data !== undefined && { webhookUrl: webhookUrl.data }),
    notes: {
      model: model.name,
      isInline,
      ...(startTimeoutSeconds !== undefined && { startTimeoutSeconds }),
    } satisfies Notes,
  };
}

/** `x-fal-request-timeout`, in seconds. ASSUMPTION: what is no number is passed over. */
function startTimeout(request: Request): number | undefined {
  return z.coerce.number().positive().safeParse(request.get('x-fal-request-timeout')).data;
}

function invalidInput(error: z.ZodError, body: unknown): Refusal {
  const given = z.record(z.string(), z.unknown()).safeParse(body).data ?? {};
  const mistakes = error.issues.map(({ path, message }) => ({
    path: ['body', ...path.map(String)],
    message,
    isMissing: path.length > 0 && given[String(path[0])] === undefined,
  }));
  return { reason: 'invalid', message: z.prettifyError(error), mistakes };
}
