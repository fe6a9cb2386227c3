import type { Request } from 'express';
import { z } from 'zod';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { HttpUrl, isPicture } from '../inputs.ts';

// Facts: fal, the page of the model, "Queue" and "Errors", read 2026-11-21. What no document says is
// an ASSUMPTION.

/** The subpath after the app is for submissions only: everything else drops it. */
export const APP = 'fal-ai/fashn';
/** The one model that there is here. */
export const MODEL = `${APP}/tryon/v1.6`;

const Image = z.string().refine((value) => isPicture(value), 'must be an image URL or a data URI');

const Input = z.object({
  model_image: Image,
  garment_image: Image,
  category: z.enum(['auto', 'tops', 'bottoms', 'one-pieces']).optional(),
  mode: z.enum(['performance', 'balanced', 'quality']).optional(),
  garment_photo_type: z.enum(['auto', 'flat-lay', 'model']).optional(),
  moderation_level: z.enum(['conservative', 'permissive', 'none']).optional(),
  segmentation_free: z.boolean().optional(),
  seed: z.number().int().optional(),
  num_samples: z.number().int().min(1).max(4).optional(),
  output_format: z.enum(['png', 'jpeg']).optional(),
  sync_mode: z.boolean().optional(),
});

const Notes = z.object({
  isInline: z.boolean(),
  startTimeoutSeconds: z.number().optional(),
});

/** What a request asked for beyond its pictures. */
type Notes = z.infer<typeof Notes>;

/** The notes of a request that `readSubmission` has read. */
export function notesOf({ notes }: Submission): Notes {
  return Notes.parse(notes);
}

/** Reads a submission to the queue, or a call that waits; both have the model's input as body. */
export function readSubmission(request: Request): Submission | Refusal {
  const parsed = Input.safeParse(request.body ?? {});
  if (!parsed.success) return invalidInput(parsed.error, request.body);
  const webhook = HttpUrl.optional();
  const webhookUrl = webhook.safeParse(request.query['fal_webhook']);
  if (!webhookUrl.success) {
    const message = 'fal_webhook must be a URL.';
    const mistakes = [{ path: ['query', 'fal_webhook'], message, isMissing: false }];
    return { reason: 'invalid', message, mistakes };
  }
  const { model_image, garment_image, num_samples = 1, output_format, sync_mode } = parsed.data;
  const startTimeoutSeconds = startTimeout(request);
  return {
    personImage: model_image,
    garmentImages: [garment_image],
    outputSize: { widthPx: 864, heightPx: 1296, fit: 'cover' },
    ...(output_format !== undefined && { outputFormat: output_format }),
    resultCount: num_samples,
    // The model's page: 0.075 USD per picture; here one unit each.
    creditCost: num_samples,
    ...(webhookUrl.data !== undefined && { webhookUrl: webhookUrl.data }),
    notes: {
      isInline: sync_mode === true,
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
