import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import { FashnTryOn, fashnTryOnInput } from '../fashn-try-on.ts';
import type { Model } from '../provider.ts';
import { parseInput } from '../wire-values.ts';

/**
 * FASHN's models. Sources: its pages "Try-On v1.6" and "Try-On Max", read 2026-11-20; "Product to
 * Model", "Model Swap" and "Image to Video", and the API reference of FASHN's own agent skill
 * (github.com/fashn-AI/fashn-skill, skills/fashn/reference.md), which is newer and wins where they
 * differ, all read 2026-11-21. `return_base64` is not offered: pictures do not travel through the queues.
 */

/** A model, and how its input is said to FASHN. */
export interface FashnModel extends Model {
  wireInputs(input: Record<string, unknown>): Record<string, unknown>;
}

/** "API Fundamentals": links on the CDN live 72 h from completion. */
const RESULT_LIFETIME_MS = 72 * 3_600_000;

// What several models take, as the agent skill's "Common input parameters" has it.

/** ASSUMPTION: prompts have at most 2,000 characters; no page names a bound. */
const prompt = z.string().max(2_000).optional();
const seed = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .optional();
const outputFormat = z.enum(['png', 'jpeg']).optional();
const resolution = z.enum(['1k', '2k', '4k']).optional();
const aspectRatio = z
  .enum(['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16'])
  .optional();
const numImages = z.int().min(1).max(4).optional();
const generationMode = z.enum(['fast', 'balanced', 'quality']).optional();
/** Who the person shall look like, and whether the scene or the likeness matters more. */
const face = {
  faceImage: ImageUrl.optional(),
  faceReferenceMode: z.enum(['match_base', 'match_reference']).optional(),
};

/** "Try-On Max", which calls the garment a product. */
const TryOnMax = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).length(1),
  prompt,
  aspectRatio,
  generationMode: z.enum(['balanced', 'quality']).optional(),
  resolution,
  numImages,
  outputFormat,
  seed,
});

/** "Product to Model": with a person, that person wears it, and no other picture may guide. */
const ProductToModel = z
  .strictObject({
    garmentImages: z.array(ImageUrl).length(1),
    personImage: ImageUrl.optional(),
    inspirationImage: ImageUrl.optional(),
    ...face,
    prompt,
    aspectRatio,
    generationMode,
    resolution,
    outputFormat,
    seed,
  })
  .refine(
    ({ personImage, inspirationImage, faceImage }) =>
      personImage === undefined || (inspirationImage ?? faceImage) === undefined,
    { path: ['personImage'], message: 'cannot stand beside inspirationImage or faceImage' },
  );

/** "Model Swap": another person in the same clothes. */
const ModelSwap = z.strictObject({
  personImage: ImageUrl,
  prompt,
  ...face,
  aspectRatio,
  generationMode,
  resolution,
  numImages,
  outputFormat,
  seed,
});

/** "Image to Video": an MP4. It ends in another picture at 1080p only, which is the usual. */
const ImageToVideo = z
  .strictObject({
    image: ImageUrl,
    endImage: ImageUrl.optional(),
    durationSeconds: z.literal([5, 10]).optional(),
    resolution: z.enum(['480p', '720p', '1080p']).optional(),
    prompt,
    negativePrompt: prompt,
    seed,
  })
  .refine(
    ({ endImage, resolution: chosen = '1080p' }) => endImage === undefined || chosen === '1080p',
    { path: ['endImage'], message: 'needs the resolution 1080p' },
  );

/** "Try-On v1.6": 5 s (performance) to 17 s (quality). The timing is inferred from that. */
const SECONDS = timing({ firstAfterMs: 4_000, everyMs: 2_000, giveUpAfterMs: 120_000 });
/** "Try-On Max" and "Product to Model": 20 to 120 s. The timing is inferred from that. */
const A_MINUTE = timing({ firstAfterMs: 15_000, everyMs: 5_000, giveUpAfterMs: 300_000 });

export const MODELS: Readonly<Record<string, FashnModel>> = {
  'tryon-v1.6': {
    type: 'image-fast',
    about: 'Dresses a person in one garment, in 5 to 17 seconds.',
    price: '1 credit per picture',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: FashnTryOn,
    poll: SECONDS,
    wireInputs: fashnTryOnInput,
  },
  'tryon-max': {
    type: 'image-quality',
    about: 'Dresses a person in one garment, guided by words, up to 4K, in 20 to 120 seconds.',
    price: '2 to 5 credits per picture, by resolution and mode',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: TryOnMax,
    poll: A_MINUTE,
    wireInputs: (raw) => {
      const input = parseInput(TryOnMax, raw);
      return {
        model_image: input.personImage,
        product_image: input.garmentImages[0],
        num_images: input.numImages,
        ...wireOptions(input),
      };
    },
  },
  'product-to-model': {
    type: 'image-quality',
    about: 'Shows a product on a person of yours, or on one that is invented, up to 4K.',
    price: '1 to 5 credits per picture, by resolution and mode; 3 more with a face',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: ProductToModel,
    poll: A_MINUTE,
    wireInputs: (raw) => {
      const input = parseInput(ProductToModel, raw);
      return {
        product_image: input.garmentImages[0],
        model_image: input.personImage,
        image_prompt: input.inspirationImage,
        ...wireFace(input),
        ...wireOptions(input),
      };
    },
  },
  'model-swap': {
    type: 'image-quality',
    about: 'Puts another person into the same clothes and pose, up to 4K.',
    // No price: its page knows one credit, 4 with a face, and not the modes that the newer source has.
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: ModelSwap,
    poll: A_MINUTE,
    wireInputs: (raw) => {
      const input = parseInput(ModelSwap, raw);
      return {
        model_image: input.personImage,
        num_images: input.numImages,
        ...wireFace(input),
        ...wireOptions(input),
      };
    },
  },
  'image-to-video': {
    type: 'video',
    about: 'Makes a picture move for 5 or 10 seconds, up to 1080p.',
    price: '1 to 12 credits, by resolution and length',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: ImageToVideo,
    wireInputs: (raw) => {
      const input = parseInput(ImageToVideo, raw);
      return {
        image: input.image,
        end_image: input.endImage,
        duration: input.durationSeconds,
        resolution: input.resolution,
        prompt: input.prompt,
        negative_prompt: input.negativePrompt,
        seed: input.seed,
      };
    },
  },
};

function timing(times: { firstAfterMs: number; everyMs: number; giveUpAfterMs: number }) {
  return { ...times, factor: 1, longestMs: times.everyMs };
}

function wireFace(input: {
  faceImage?: string | undefined;
  faceReferenceMode?: string | undefined;
}) {
  return { face_reference: input.faceImage, face_reference_mode: input.faceReferenceMode };
}

function wireOptions(
  input: Pick<
    z.infer<typeof ModelSwap>,
    'prompt' | 'aspectRatio' | 'generationMode' | 'resolution' | 'outputFormat' | 'seed'
  >,
) {
  return {
    prompt: input.prompt,
    aspect_ratio: input.aspectRatio,
    generation_mode: input.generationMode,
    resolution: input.resolution,
    output_format: input.outputFormat,
    seed: input.seed,
  };
}
