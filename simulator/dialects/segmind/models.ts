import { z } from 'zod';
import type { OutputSize, PictureFormat } from '../../contract/picture.ts';
import { isPicture } from '../inputs.ts';

// Facts: Segmind's model pages "Try-On Diffusion", "IDM VTON" and "P Image Try-On", read 2026-11-20.

/** What a request for any of the models asks for, in the engine's words. */
export interface ModelRequest {
  personImage: string;
  garmentImages: string[];
  outputSize: OutputSize;
  outputFormat?: PictureFormat;
  wantsBase64: boolean;
}

/** A URL, a data: URI, or bare base64, which becomes a data: URI. */
const Image = z
  .string()
  .transform((value) =>
    /^[A-Za-z0-9+/\s]{64,}={0,2}$/.test(value) ? `data:image/png;base64,${value}` : value,
  )
  .refine((value) => isPicture(value), 'must be an image URL or base64');

const Whole = z.number().int();
/** ASSUMPTION: the sizes of the pictures; no page names them. */
const USUAL_SIZE: OutputSize = { widthPx: 768, heightPx: 1024, fit: 'cover' };
const LIKE_THE_INPUT: OutputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' };

const TryOnDiffusion = z
  .object({
    model_image: Image,
    cloth_image: Image,
    // ASSUMPTION: the spelling of the second and third.
    category: z.enum(['Upper body', 'Lower body', 'Dress']),
    num_inference_steps: Whole.optional(),
    guidance_scale: z.number().optional(),
    seed: Whole.optional(),
    base64: z.boolean().optional(),
  })
  .transform(
    (body): ModelRequest => ({
      personImage: body.model_image,
      garmentImages: [body.cloth_image],
      outputSize: USUAL_SIZE,
      wantsBase64: body.base64 === true,
    }),
  );

const IdmVton = z
  .object({
    human_img: Image,
    garm_img: Image,
    category: z.enum(['upper_body', 'lower_body', 'dresses']).optional(),
    garment_des: z.string().optional(),
    steps: Whole.optional(),
    seed: Whole.optional(),
    crop: z.boolean().optional(),
    force_dc: z.boolean().optional(),
    mask_only: z
      .literal(false, { error: 'not supported by the simulator: it draws no masks' })
      .optional(),
  })
  .transform(
    (body): ModelRequest => ({
      personImage: body.human_img,
      garmentImages: [body.garm_img],
      outputSize: USUAL_SIZE,
      wantsBase64: false,
    }),
  );

const PImageTryOn = z
  .object({
    person_image: Image,
    garment_images: z.array(Image).min(1),
    seed: Whole.optional(),
    turbo: z.boolean().optional(),
    output_format: z.enum(['png', 'jpg', 'webp']).optional(),
    output_quality: Whole.min(0).max(100).optional(),
    preserve_input_size: z.boolean().optional(),
  })
  .transform(
    (body): ModelRequest => ({
      personImage: body.person_image,
      garmentImages: body.garment_images,
      outputSize: LIKE_THE_INPUT,
      // ASSUMPTION: PNG unless told.
      outputFormat: body.output_format === 'jpg' ? 'jpeg' : (body.output_format ?? 'png'),
      wantsBase64: false,
    }),
  );

/** Each model's parameters have names of their own. */
export const MODELS: Readonly<Record<string, z.ZodType<ModelRequest>>> = {
  'try-on-diffusion': TryOnDiffusion,
  'idm-vton': IdmVton,
  'p-image-try-on': PImageTryOn,
};
