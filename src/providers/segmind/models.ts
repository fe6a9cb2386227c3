import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { AddedModel } from '../added-model.ts';
import type { Model } from '../provider.ts';
import type { LinksIn } from '../result-links.ts';
import { parseInput } from '../wire-values.ts';

/**
 * Segmind's try-on models. Every slug has its own parameter names, from its page under "Models"
 * ("Try-On Diffusion", "IDM VTON", "P Image Try-On"), all read 2026-11-20.
 */

const person = { personImage: ImageUrl };
const oneGarment = { ...person, garmentImages: z.array(ImageUrl).length(1) };
const category = z.enum(['upper-body', 'lower-body', 'dress']);

const TryOnDiffusion = z.strictObject({
  ...oneGarment,
  category: category.optional(),
  // ASSUMPTION: the bounds; the page names defaults only (35 steps, scale 2).
  inferenceSteps: z.int().min(1).max(100).optional(),
  guidanceScale: z.number().min(0).max(25).optional(),
  seed: z.int().optional(),
});

const IdmVton = z.strictObject({
  ...oneGarment,
  category: category.optional(),
  // ASSUMPTION: descriptions have at most 500 characters.
  garmentDescription: z.string().max(500).optional(),
  inferenceSteps: z.int().min(1).max(100).optional(),
  seed: z.int().optional(),
  crop: z.boolean().optional(),
  forceDressCode: z.boolean().optional(),
  maskOnly: z.boolean().optional(),
});

const PImageTryOn = z.strictObject({
  ...person,
  // Eleven: Pruna, "P-Image-Try-On", read 2026-11-20, who make the model.
  garmentImages: z.array(ImageUrl).min(1).max(11),
  seed: z.int().optional(),
  turbo: z.boolean().optional(),
  outputFormat: z.enum(['png', 'jpg', 'webp']).optional(),
  outputQuality: z.int().min(1).max(100).optional(),
  preserveInputSize: z.boolean().optional(),
});

/** "Try-On Diffusion" requires a category and shows the first. ASSUMPTION: how the others are spelt. */
const DIFFUSION_CATEGORY = {
  'upper-body': 'Upper body',
  'lower-body': 'Lower body',
  dress: 'Dress',
} as const;

/** "IDM VTON". */
const IDM_CATEGORY = {
  'upper-body': 'upper_body',
  'lower-body': 'lower_body',
  dress: 'dresses',
} as const;

const MINUTE_MS = 60_000;

/** The SDK gives up after ten minutes, because a cold model takes some of them to start. */
const GIVE_UP_AFTER_MS = 10 * MINUTE_MS;

/** "Async inference": the SDK asks every second; slower here, because checks may count as requests. */
const POLL = {
  firstAfterMs: 3_000,
  everyMs: 2_000,
  factor: 1.5,
  longestMs: 8_000,
  giveUpAfterMs: GIVE_UP_AFTER_MS,
};

/**
 * "Logging": files are deleted after seven days. What can be asked about a request is gone sooner: one
 * hour after the submission ("Async inference"), by when checks must have ended.
 */
const RESULT_LIFETIME_MS = 7 * 24 * 60 * MINUTE_MS;

const common = {
  type: 'image-quality',
  price: 'by GPU second, different for each model',
} as const;

/** A model, and how its input is said to Segmind. */
export interface SegmindModel extends Model {
  /** Its name in the address. */
  readonly slug: string;
  /** Version 1 answers with the picture itself, version 2 with a request to ask about. */
  readonly mode: 'queue' | 'wait';
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
  /** Where its results are; anywhere in the output unless said. */
  readonly linksIn?: LinksIn | undefined;
}

const tryOnDiffusion = {
  ...common,
  slug: 'try-on-diffusion',
  input: TryOnDiffusion,
  wireInput: (raw: Record<string, unknown>) => {
    const input = parseInput(TryOnDiffusion, raw);
    return {
      model_image: input.personImage,
      cloth_image: input.garmentImages[0],
      category: DIFFUSION_CATEGORY[input.category ?? 'upper-body'],
      num_inference_steps: input.inferenceSteps,
      guidance_scale: input.guidanceScale,
      seed: input.seed,
    };
  },
};

export const MODELS: Readonly<Record<string, SegmindModel>> = {
  'try-on-diffusion': {
    ...tryOnDiffusion,
    mode: 'queue',
    about: 'Dresses a person in one garment.',
    poll: POLL,
    resultLifetimeMs: RESULT_LIFETIME_MS,
  },
  // "Async inference" calls version 1 maintenance mode. A lost answer is a lost picture there.
  'try-on-diffusion-sync': {
    ...tryOnDiffusion,
    mode: 'wait',
    about:
      'Dresses a person in one garment, in one call that waits for the picture: only for a warm ' +
      'model, and a SUBMIT_TIMEOUT_MS that is longer than it takes.',
  },
  'idm-vton': {
    ...common,
    slug: 'idm-vton',
    mode: 'queue',
    about: 'Dresses a person in one garment, guided by a description of it.',
    poll: POLL,
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: IdmVton,
    wireInput: (raw) => {
      const input = parseInput(IdmVton, raw);
      return {
        human_img: input.personImage,
        garm_img: input.garmentImages[0],
        category: input.category && IDM_CATEGORY[input.category],
        garment_des: input.garmentDescription,
        steps: input.inferenceSteps,
        seed: input.seed,
        crop: input.crop,
        force_dc: input.forceDressCode,
        mask_only: input.maskOnly,
      };
    },
  },
  'p-image-try-on': {
    ...common,
    slug: 'p-image-try-on',
    mode: 'queue',
    about: 'Dresses a person in one to eleven garments.',
    poll: POLL,
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: PImageTryOn,
    wireInput: (raw) => {
      const input = parseInput(PImageTryOn, raw);
      return {
        person_image: input.personImage,
        garment_images: input.garmentImages,
        seed: input.seed,
        turbo: input.turbo,
        output_format: input.outputFormat,
        output_quality: input.outputQuality,
        preserve_input_size: input.preserveInputSize,
      };
    },
  },
};

/** A model that the settings add, by its name here. */
export function addedModel(name: string, { providerModel, ...model }: AddedModel): SegmindModel {
  const lifetime = { resultLifetimeMs: RESULT_LIFETIME_MS };
  return { ...lifetime, ...model, slug: providerModel ?? name, mode: 'queue' };
}
