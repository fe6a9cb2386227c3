import type { Request } from 'express';
import { z } from 'zod';
import type { OutputSize } from '../../contract/picture.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { HttpUrl, invalid } from '../inputs.ts';

// Facts: as in dialect.ts.

// Facts of the models: their pages under "Models", the newer of each two, read 2026-11-21. Options
// of which nothing is known are let through.

const Urls = (most: number) => z.array(HttpUrl).min(1).max(most);
const Words = (most: number) => z.string().min(1).max(most);

const NANO_BANANA_RATIOS = [
  ...['1:1', '4:3', '3:4', '3:2', '2:3', '4:5', '5:4'],
  ...['9:16', '16:9', '21:9', 'auto'],
];

const nanoBanana = {
  prompt: Words(5_000),
  // "Required", with a default.
  aspect_ratio: z.enum(NANO_BANANA_RATIOS).default('1:1'),
  output_format: z.enum(['png', 'jpeg']).optional(),
};

const NanoBanana = z.discriminatedUnion('mode', [
  z.looseObject({ mode: z.literal('image-to-image'), image_urls: Urls(5), ...nanoBanana }),
  z.looseObject({ mode: z.literal('text-to-image'), ...nanoBanana }),
]);

const GptImage1 = z.looseObject({
  mode: z.literal('gpt-image-1'),
  prompt: Words(10_000),
  image_urls: z.array(HttpUrl).max(5).optional(),
  aspect_ratio: z.enum(['1:1', '2:3', '3:2']).default('1:1'),
  num_images: z.literal([1, 2, 4]).default(1),
});

const sora2 = {
  prompt: Words(10_000),
  aspect_ratio: z.enum(['landscape', 'portrait']).optional(),
  duration: z.literal([4, 8, 12]).optional(),
  remove_watermark: z.boolean().optional(),
};

const Sora2 = z.discriminatedUnion('mode', [
  z.looseObject({ mode: z.literal('text-to-video'), ...sora2 }),
  z.looseObject({ mode: z.literal('image-to-video'), image_urls: Urls(1), ...sora2 }),
]);

/** ASSUMPTION: as the models whose pages were read. */
const OtherImage = z.discriminatedUnion('mode', [
  z.looseObject({ mode: z.literal('image-to-image'), image_urls: Urls(5), prompt: Words(5_000) }),
  z.looseObject({ mode: z.literal('text-to-image'), prompt: Words(5_000) }),
]);
const OtherVideo = z.looseObject({ mode: z.literal('text-to-video'), prompt: Words(10_000) });

const SQUARE: OutputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' };

const ANY_ROUTING = ['auto', 'value', 'official'];

/** Slug → what it takes and, ASSUMPTION, what it costs. A few of the models that are documented. */
export const MODELS = {
  'nano-banana': { input: NanoBanana, credits: 4, routing: ANY_ROUTING },
  'nano-banana-pro': { input: OtherImage, credits: 12, routing: ANY_ROUTING },
  'gpt-image-1': { input: GptImage1, credits: 8, routing: ANY_ROUTING },
  // "Only official is supported."
  'sora-2': { input: Sora2, credits: 80, routing: ['official'] },
  'veo-3-1': { input: OtherVideo, credits: 100, routing: ANY_ROUTING },
} as const;

/** A model, as the path names it. */
export type Slug = keyof typeof MODELS;

const Body = z.discriminatedUnion('request_type', [
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  z.object({ request_type: z.literal('callback'), callback_url: HttpUrl, input: z.unknown() }),
  z.object({ request_type: z.literal('async'), input: z.unknown() }),
]);

const Routing = z.object({ provider: z.string().optional() });

/** Reads a request for one model. */
export function readSubmission(slug: Slug, request: Request): Submission | Refusal {
  const { input: inputSchema, credits, routing } = MODELS[slug];
  // The default of a request that does not say how it wants to be told.
  const withDefault = { request_type: 'async', ...(request.body ?? {}) };
  const body = Body.and(Routing).safeParse(withDefault);
  if (!body.success) return invalid(body.error);
  const { provider = routing[0] } = body.data;
  if (!routing.some((one) => one === provider)) {
    return invalid(`provider must be one of ${routing.join(', ')}.`);
  }
  const input = inputSchema.safeParse(body.data.input);
  if (!input.success) return invalid(input.error);

  const resultCount = 'num_images' in input.data ? Number(input.data.num_images) : 1;
  const common = {
    outputSize: SQUARE,
    resultCount,
    creditCost: credits * resultCount,
    notes: { slug },
    ...(body.data.request_type === 'callback' && { webhookUrl: body.data.callback_url }),
  };
  const pictures =
    'image_urls' in input.data ? z.array(z.string()).parse(input.data.image_urls) : [];
  if (input.data.mode !== 'image-to-image') {
    // Nothing is drawn from words here: a stock picture stands for it, for a video too.
    return { ...common, garmentImages: pictures, stockResult: true };
  }
  // No model here is made for trying on. The first picture counts as the person.
  const [personImage = '', ...garmentImages] = pictures;
  return { ...common, personImage, garmentImages };
}
