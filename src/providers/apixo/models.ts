import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { Model } from '../provider.ts';
import { parseInput } from '../wire-values.ts';
import { RESULT_LIFETIME_MS } from './wire.ts';

/**
 * The models of APIXO that are offered, each named by its slug, from its page under "Models", read
 * 2026-11-21. Of each there are an older and a newer page, which differ; the newer one is followed, and
 * what the older one says otherwise is noted. APIXO lists no try-on model: try-on is an image made
 * from several reference images.
 */

/** "Nano Banana", both pages; the newer one says that a prompt is 1 to 5,000 characters. */
const NanoBananaOptions = {
  aspectRatio: z
    .enum(['1:1', '4:3', '3:4', '3:2', '2:3', '4:5', '5:4', '9:16', '16:9', '21:9', 'auto'])
    .optional(),
  outputFormat: z.enum(['png', 'jpeg']).optional(),
};
const NanoBananaPrompt = z.string().trim().min(1).max(5_000);

/** One to five references: the person is the first of them. */
const TryOn = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).min(1).max(4),
  prompt: NanoBananaPrompt.optional(),
  ...NanoBananaOptions,
});

const NanoBanana = z.strictObject({
  prompt: NanoBananaPrompt,
  images: z.array(ImageUrl).min(1).max(5).optional(),
  ...NanoBananaOptions,
});

/** "GPT Image 1". The older page calls `num_images` `nVariants`, and knows `isEnhance`. */
const GptImage = z.strictObject({
  prompt: z.string().trim().min(1).max(10_000),
  images: z.array(ImageUrl).min(1).max(5).optional(),
  aspectRatio: z.enum(['1:1', '2:3', '3:2']).optional(),
  numImages: z.union([z.literal(1), z.literal(2), z.literal(4)]).optional(),
});

/** "Sora 2". The older pages have 16:9, 9:16 and 1:1, 10 or 15 seconds, and `image_url`. */
const Sora = z.strictObject({
  prompt: z.string().trim().min(1).max(10_000),
  image: ImageUrl.optional(),
  aspectRatio: z.enum(['landscape', 'portrait']).optional(),
  durationSeconds: z.union([z.literal(4), z.literal(8), z.literal(12)]).optional(),
  removeWatermark: z.boolean().optional(),
});

/** What the model is told to do with the pictures when the app says nothing. */
const DRESS =
  'Dress the person in the first image in the garments of the other images. ' +
  'Keep the face, body, pose and background of the first image.';

/** A model, and how its input is said to APIXO. */
export interface ApixoModel extends Model {
  /** Its name in the address. */
  readonly slug: string;
  /** Which of its suppliers serves it, where the page leaves no choice. */
  readonly routing?: 'official';
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
}

/**
 * The price of "Nano Banana" is its older page's. Prices of "GPT Image 1" differ tenfold between its pages;
 * the newer page of "Sora 2" has none, and the older one's is for other lengths.
 *
 * Timing is the model types' own, which is APIXO's table in "Polling vs Webhooks". The pages of the
 * models advise slower: GPT Image 1 after 40 s and every 10 s, Sora 2 after 120 s.
 */
export const MODELS: Readonly<Record<string, ApixoModel>> = {
  'nano-banana': {
    slug: 'nano-banana',
    type: 'image-fast',
    about: 'Dresses a person in one to four garments, guided by words.',
    price: '$0.03 an image',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: TryOn,
    wireInput: (raw) => {
      const input = parseInput(TryOn, raw);
      return {
        mode: 'image-to-image',
        prompt: input.prompt ?? DRESS,
        image_urls: [input.personImage, ...input.garmentImages],
        // Required. ASSUMPTION: `auto` is the first picture's own.
        aspect_ratio: input.aspectRatio ?? 'auto',
        output_format: input.outputFormat,
      };
    },
  },
  'nano-banana/image': {
    slug: 'nano-banana',
    type: 'image-fast',
    about: 'Makes an image from words, or from words and one to five images.',
    price: '$0.03 an image',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: NanoBanana,
    wireInput: (raw) => {
      const input = parseInput(NanoBanana, raw);
      return {
        mode: input.images ? 'image-to-image' : 'text-to-image',
        prompt: input.prompt,
        image_urls: input.images,
        // Required; the older page says that this is its default.
        aspect_ratio: input.aspectRatio ?? '1:1',
        output_format: input.outputFormat,
      };
    },
  },
  'gpt-image-1': {
    slug: 'gpt-image-1',
    type: 'image-quality',
    about: 'Makes one, two or four images from words, guided by up to five images.',
    price: '$0.035 an image on two pages of APIXO, $0.35 on a third',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: GptImage,
    wireInput: (raw) => {
      const input = parseInput(GptImage, raw);
      return {
        // With and without images.
        mode: 'gpt-image-1',
        prompt: input.prompt,
        image_urls: input.images,
        // The older page requires both; these are its defaults.
        aspect_ratio: input.aspectRatio ?? '1:1',
        num_images: input.numImages ?? 1,
      };
    },
  },
  'sora-2': {
    slug: 'sora-2',
    type: 'video',
    about: 'Makes a video of 4, 8 or 12 seconds from words, or from words and one image.',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    // "Only official is supported; always set provider=official explicitly."
    routing: 'official',
    input: Sora,
    wireInput: (raw) => {
      const input = parseInput(Sora, raw);
      return {
        mode: input.image ? 'image-to-video' : 'text-to-video',
        prompt: input.prompt,
        image_urls: input.image && [input.image],
        aspect_ratio: input.aspectRatio,
        duration: input.durationSeconds,
        remove_watermark: input.removeWatermark,
      };
    },
  },
};
