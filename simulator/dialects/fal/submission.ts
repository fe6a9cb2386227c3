import type { Request } from 'express';
import { z } from 'zod';
import type { Refusal, Submission } from '../../contract/dialect.ts';

// Facts: fal, the page of the model, "Queue" and "Errors", read 2026-11-21. What no document says is
// an ASSUMPTION.

/** The subpath after the app is for submissions only: everything else drops it. */
export const app = 'fal-ai/fashn';
export const model = `${app}/tryon/v1.6`;

const image = z
  .string()
  .refine(
    (value) =>
      /^data:image\/[\w.+-]+;base64,/.test(value) ||
      z.url({ protocol: /^https?$/ }).safeParse(value).success,
    'must be an image URL or a data URI',
  );

const inputSchema = z.object({
  model_image: image,
  garment_image: image,
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

const notesSchema = z.object({
  isInline: z.boolean(),
  startTimeoutSeconds: z.number().optional(),
});

/** What a request asked for beyond its pictures. */
export type Notes = z.infer<typeof notesSchema>;

/** The notes of a request that `readSubmission` has read. */
export function notesOf({ notes }: Submission): Notes {
  return notesSchema.parse(notes);
}

/** Reads a submission to the queue, or a call that waits; both have the model's input as body. */
export function readSubmission(request: Request): Submission | Refusal {
  const parsed = inputSchema.safeParse(request.body ?? {});
  if (!parsed.success) return invalidInput(parsed.error, request.body);
  const webhook = z.url({ protocol: /^https?$/ }).optional();
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
