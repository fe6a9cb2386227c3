import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { AddedModel } from '../added-model.ts';
import { FashnTryOn, fashnTryOnInput } from '../fashn-try-on.ts';
import type { Model } from '../provider.ts';
import type { LinksIn } from '../result-links.ts';
import { parseInput } from '../wire-values.ts';

/**
 * fal's try-on models, each from its own page under fal.ai/models, read 2026-11-21. Their switch that
 * sends the picture inline (`sync_mode`) is not offered: pictures do not travel through the queues.
 * How long a link lives is the account's setting ("Data retention"), so none is told here.
 */

/** A model, and how its input is said to fal. */
export interface FalModel extends Model {
  /** Its name in the address; the one here unless said. */
  readonly path?: string | undefined;
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
  /** Where its results are; as `images`, `image`, `video` or `audio` unless said. */
  readonly linksIn?: LinksIn | undefined;
}

const dressed = { personImage: ImageUrl, garmentImages: z.array(ImageUrl).length(1) };

const Kolors = z.strictObject(dressed);

const Leffa = z.strictObject({
  ...dressed,
  category: z.enum(['tops', 'bottoms', 'dresses']),
  // ASSUMPTION: the bounds; the page names defaults only (50 steps, scale 2.5).
  steps: z.int().min(1).max(50).optional(),
  guidanceScale: z.number().min(0).max(20).optional(),
  safetyChecker: z.boolean().optional(),
  seed: z.int().optional(),
  outputFormat: z.enum(['png', 'jpeg']).optional(),
});

const ImageApps = z.strictObject({
  ...dressed,
  preservePose: z.boolean().optional(),
  // ASSUMPTION: the ratios besides 3:4, as public programs send them; the page names the type only.
  aspectRatio: z.enum(['1:1', '3:4', '4:3', '9:16', '16:9']).optional(),
});

const LEFFA_CATEGORY = { tops: 'upper_body', bottoms: 'lower_body', dresses: 'dresses' } as const;

/** "Queue": the SDK asks twice a second. Slower here, and patient: fal retries by itself. */
const poll = {
  firstAfterMs: 2_000,
  everyMs: 1_500,
  factor: 1.5,
  longestMs: 5_000,
  giveUpAfterMs: 300_000,
};

export const MODELS: Readonly<Record<string, FalModel>> = {
  'fal-ai/fashn/tryon/v1.6': {
    type: 'image-fast',
    about: 'Dresses a person in one garment (FASHN v1.6).',
    price: '0.075 USD per picture',
    input: FashnTryOn,
    poll,
    wireInput: fashnTryOnInput,
  },
  'fal-ai/kling/v1-5/kolors-virtual-try-on': {
    type: 'image-quality',
    about: 'Dresses a person in one garment (Kling Kolors v1.5).',
    price: '0.07 USD per generation',
    input: Kolors,
    poll,
    wireInput: (raw) => {
      const input = parseInput(Kolors, raw);
      return { human_image_url: input.personImage, garment_image_url: input.garmentImages[0] };
    },
  },
  'fal-ai/leffa/virtual-tryon': {
    type: 'image-quality',
    about: 'Puts one garment on a person: a top, a bottom or a dress, which must be said (Leffa).',
    input: Leffa,
    poll,
    wireInput: (raw) => {
      const input = parseInput(Leffa, raw);
      return {
        human_image_url: input.personImage,
        garment_image_url: input.garmentImages[0],
        garment_type: LEFFA_CATEGORY[input.category],
        num_inference_steps: input.steps,
        guidance_scale: input.guidanceScale,
        enable_safety_checker: input.safetyChecker,
        seed: input.seed,
        output_format: input.outputFormat,
      };
    },
  },
  'fal-ai/image-apps-v2/virtual-try-on': {
    type: 'image-quality',
    about: 'Dresses a person in what another picture shows, up to 4K (Image Apps v2).',
    price: '0.04 USD per picture',
    input: ImageApps,
    poll,
    wireInput: (raw) => {
      const input = parseInput(ImageApps, raw);
      return {
        person_image_url: input.personImage,
        clothing_image_url: input.garmentImages[0],
        preserve_pose: input.preservePose,
        aspect_ratio: input.aspectRatio && { ratio: input.aspectRatio },
      };
    },
  },
};

/** A model that the settings add. */
export function addedModel({ providerModel, ...model }: AddedModel): FalModel {
  return { ...model, path: providerModel };
}
