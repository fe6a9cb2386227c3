import { z } from 'zod';
import { ImageUrl } from '../../generation/image-url.ts';
import type { Model } from '../provider.ts';
import { parseInput } from '../wire-values.ts';

/** fal's page "FASHN Virtual Try-On V1.6", read 2026-11-20. `sync_mode` is not offered: it inlines. */
const FashnTryOn = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).length(1),
  category: z.enum(['auto', 'tops', 'bottoms', 'one-pieces']).optional(),
  mode: z.enum(['performance', 'balanced', 'quality']).optional(),
  garmentPhotoType: z.enum(['auto', 'flat-lay', 'model']).optional(),
  moderationLevel: z.enum(['conservative', 'permissive', 'none']).optional(),
  segmentationFree: z.boolean().optional(),
  seed: z.int().optional(),
  numSamples: z.int().min(1).max(4).optional(),
  outputFormat: z.enum(['png', 'jpeg']).optional(),
});

/** A model, by its name in the address, and how its input is said to fal. */
export interface FalModel extends Model {
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
}

export const MODELS: Readonly<Record<string, FalModel>> = {
  'fal-ai/fashn/tryon/v1.6': {
    type: 'image-fast',
    about: 'Dresses a person in one garment (FASHN v1.6).',
    price: '0.075 USD per picture',
    input: FashnTryOn,
    // "Queue": the SDK asks twice a second. Slower here, and patient: fal retries by itself.
    poll: {
      firstAfterMs: 2_000,
      everyMs: 1_500,
      factor: 1.5,
      longestMs: 5_000,
      giveUpAfterMs: 300_000,
    },
    wireInput: (raw) => {
      const input = parseInput(FashnTryOn, raw);
      return {
        model_image: input.personImage,
        garment_image: input.garmentImages[0],
        category: input.category,
        mode: input.mode,
        garment_photo_type: input.garmentPhotoType,
        moderation_level: input.moderationLevel,
        segmentation_free: input.segmentationFree,
        seed: input.seed,
        num_samples: input.numSamples,
        output_format: input.outputFormat,
      };
    },
  },
};
