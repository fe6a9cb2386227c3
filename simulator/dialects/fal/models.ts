import { z } from 'zod';
import type { Submission } from '../../contract/submission.ts';
import { isPicture } from '../inputs.ts';

// Which models the stand-in fal runs, and what they take: the page of each under fal.ai/models, read
// 2026-11-21. What no page says is an ASSUMPTION.

const Image = z.string().refine((value) => isPicture(value), 'must be an image URL or a data URI');

/** What is asked for, in the engine's words; the rest of a submission is the same for all models. */
type Work = Pick<
  Submission,
  'personImage' | 'garmentImages' | 'outputSize' | 'outputFormat' | 'resultCount'
> & {
  /** Whether the pictures are to be in the answer. */
  isInline: boolean;
};

/** A model that can be run. */
export interface Model {
  /** In the address of a submission. */
  name: string;
  /** Everything else is asked of the app: the subpath after it is for submissions only. */
  app: string;
  input: z.ZodType;
  /** Whether its output has one `image` or a list of `images`. */
  output: 'image' | 'images';
  /** @throws what is not its input. */
  read(input: unknown): Work;
}

/** @param input.read is handed what `input.schema` has let through. */
function model<T>(
  name: string,
  output: Model['output'],
  input: { schema: z.ZodType<T>; read: (input: T) => Work },
): Model {
  const app = name.split('/').slice(0, 2).join('/');
  const read = (raw: unknown) => input.read(input.schema.parse(raw));
  return { name, app, input: input.schema, output, read };
}

const Fashn = z.object({
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

const Kolors = z.object({
  human_image_url: Image,
  garment_image_url: Image,
  sync_mode: z.boolean().optional(),
});

const Leffa = z.object({
  human_image_url: Image,
  garment_image_url: Image,
  garment_type: z.enum(['upper_body', 'lower_body', 'dresses']),
  num_inference_steps: z.number().int().optional(),
  guidance_scale: z.number().optional(),
  enable_safety_checker: z.boolean().optional(),
  seed: z.number().int().nullish(),
  output_format: z.enum(['png', 'jpeg']).optional(),
  sync_mode: z.boolean().optional(),
});

const ImageApps = z.object({
  person_image_url: Image,
  clothing_image_url: Image,
  preserve_pose: z.boolean().optional(),
  // ASSUMPTION: which ratios; the page says that 3:4 is the usual one.
  aspect_ratio: z.object({ ratio: z.enum(['1:1', '16:9', '9:16', '4:3', '3:4']) }).optional(),
});

/** ASSUMPTION: what it takes besides these three, and that its output is a list. */
const FluxTryOn = z.looseObject({
  prompt: z.string().min(1),
  human_image_url: Image,
  garment_image_url: Image,
});

/** ASSUMPTION: the sizes; only the first model's page names one. */
const PORTRAIT = { widthPx: 768, heightPx: 1024, fit: 'cover' } as const;

/** The models that can be run. */
export const MODELS: readonly Model[] = [
  model('fal-ai/fashn/tryon/v1.6', 'images', {
    schema: Fashn,
    read: (input) => ({
      personImage: input.model_image,
      garmentImages: [input.garment_image],
      outputSize: { widthPx: 864, heightPx: 1296, fit: 'cover' },
      ...(input.output_format !== undefined && { outputFormat: input.output_format }),
      resultCount: input.num_samples ?? 1,
      isInline: input.sync_mode === true,
    }),
  }),
  model('fal-ai/kling/v1-5/kolors-virtual-try-on', 'image', {
    schema: Kolors,
    read: (input) => ({
      personImage: input.human_image_url,
      garmentImages: [input.garment_image_url],
      outputSize: PORTRAIT,
      resultCount: 1,
      isInline: input.sync_mode === true,
    }),
  }),
  model('fal-ai/leffa/virtual-tryon', 'image', {
    schema: Leffa,
    read: (input) => ({
      personImage: input.human_image_url,
      garmentImages: [input.garment_image_url],
      outputSize: PORTRAIT,
      ...(input.output_format !== undefined && { outputFormat: input.output_format }),
      resultCount: 1,
      isInline: input.sync_mode === true,
    }),
  }),
  model('fal-ai/image-apps-v2/virtual-try-on', 'images', {
    schema: ImageApps,
    read: (input) => ({
      personImage: input.person_image_url,
      garmentImages: [input.clothing_image_url],
      outputSize: PORTRAIT,
      resultCount: 1,
      isInline: false,
    }),
  }),
  model('fal-ai/flux-pro/v1/vto', 'images', {
    schema: FluxTryOn,
    read: (input) => ({
      personImage: input.human_image_url,
      garmentImages: [input.garment_image_url],
      outputSize: PORTRAIT,
      resultCount: 1,
      isInline: false,
    }),
  }),
];
