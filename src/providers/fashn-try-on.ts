import { z } from 'zod';
import { ImageUrl } from '../outbound/url-policy.ts';
import { parseInput } from './wire-values.ts';

/**
 * FASHN's try-on model v1.6 takes the same input at FASHN itself and at fal. Sources, read
 * 2026-11-20: FASHN, "Try-On v1.6"; fal, "FASHN Virtual Try-On V1.6". Their switches that send the
 * picture inline are not offered: pictures do not travel through the queues.
 */
export const FashnTryOn = z.strictObject({
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

/** A recorded input in the model's own words. @throws Terminal `invalid_input` */
export function fashnTryOnInput(recorded: Record<string, unknown>): Record<string, unknown> {
  const input = parseInput(FashnTryOn, recorded);
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
}
