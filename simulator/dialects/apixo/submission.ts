import type { Request } from 'express';
import { z } from 'zod';
import type { OutputSize } from '../../contract/picture.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { HttpUrl, invalid } from '../inputs.ts';

// Facts: as in dialect.ts.

// ASSUMPTION: the models' own schemas were not read; these names are the shared ones of
// "Generate Task". Options of which nothing is known are let through.
const words = { prompt: z.string().min(1), aspect_ratio: z.string().optional() };

const FromImages = z.looseObject({
  mode: z.literal('image-to-image'),
  image_urls: z.array(HttpUrl).min(1),
  ...words,
});

const ImageFromText = z.looseObject({ mode: z.literal('text-to-image'), ...words });

const VideoFromText = z.looseObject({ mode: z.literal('text-to-video'), ...words });

const ImageInput = z.discriminatedUnion('mode', [FromImages, ImageFromText]);

const SQUARE: OutputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' };

/** Slug → what it takes and, ASSUMPTION, what it costs. A few of the models that are documented. */
export const MODELS = {
  'nano-banana': { input: ImageInput, credits: 4 },
  'nano-banana-pro': { input: ImageInput, credits: 12 },
  'gpt-image-1': { input: ImageInput, credits: 8 },
  'sora-2': { input: VideoFromText, credits: 80 },
  'veo-3-1': { input: VideoFromText, credits: 100 },
} as const;

/** A model, as the path names it. */
export type Slug = keyof typeof MODELS;

const Body = z.discriminatedUnion('request_type', [
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  z.object({ request_type: z.literal('callback'), callback_url: HttpUrl, input: z.unknown() }),
  z.object({ request_type: z.literal('async'), input: z.unknown() }),
]);

const Routing = z.object({ provider: z.enum(['auto', 'value', 'official']).optional() });

/** Reads a request for one model. */
export function readSubmission(slug: Slug, request: Request): Submission | Refusal {
  const { input: inputSchema, credits } = MODELS[slug];
  // The default of a request that does not say how it wants to be told.
  const withDefault = { request_type: 'async', ...(request.body ?? {}) };
  const body = Body.and(Routing).safeParse(withDefault);
  if (!body.success) return invalid(body.error);
  const input = inputSchema.safeParse(body.data.input);
  if (!input.success) return invalid(input.error);

  const common = {
    outputSize: SQUARE,
    resultCount: 1,
    creditCost: credits,
    notes: { slug },
    ...(body.data.request_type === 'callback' && { webhookUrl: body.data.callback_url }),
  };
  if (input.data.mode !== 'image-to-image') {
    // Nothing is drawn from words here: a stock picture stands for it, for a video too.
    return { ...common, garmentImages: [], stockResult: true };
  }
  // No model here is made for trying on. The first picture counts as the person.
  const [personImage = '', ...garmentImages] = input.data.image_urls;
  return { ...common, personImage, garmentImages };
}
