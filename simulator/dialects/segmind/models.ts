import { z } from 'zod';
import type { OutputSize, PictureFormat } from '../../contract/dialect.ts';

// Facts: Segmind's model pages "Try-On Diffusion", "IDM VTON" and "P Image Try-On", read 2026-11-20.

/** What a request for any of the models asks for, in the engine's words. */
export interface Wish {
  personImage: string;
  garmentImages: string[];
  outputSize: OutputSize;
  outputFormat?: PictureFormat;
  wantsBase64: boolean;
}

/** A URL, a data: URI, or bare base64, which becomes a data: URI. */
const image = z
  .string()
  .transform((value) =>
    /^[A-Za-z0-9+/\s]{64,}={0,2}$/.test(value) ? `data:image/png;base64,${value}` : value,
  )
  .refine(
    (value) =>
      /^data:image\/[\w.+-]+;base64,/.test(value) ||
      z.url({ protocol: /^https?$/ }).safeParse(value).success,
    'must be an image URL or base64',
  );

const whole = z.number().int();
/** ASSUMPTION: the sizes of the pictures; no page names them. */
const usual: OutputSize = { widthPx: 768, heightPx: 1024, fit: 'cover' };
const likeTheInput: OutputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' };

const tryOnDiffusion = z
  .object({
    model_image: image,
    cloth_image: image,
    // ASSUMPTION: the spelling of the second and third.
    category: z.enum(['Upper body', 'Lower body', 'Dress']),
    num_inference_steps: whole.optional(),
    guidance_scale: z.number().optional(),
    seed: whole.optional(),
    base64: z.boolean().optional(),
  })
  .transform(
    (body): Wish => ({
      personImage: body.model_image,
      garmentImages: [body.cloth_image],
      outputSize: usual,
      wantsBase64: body.base64 === true,
    }),
  );

const idmVton = z
  .object({
    human_img: image,
    garm_img: image,
    category: z.enum(['upper_body', 'lower_body', 'dresses']).optional(),
    garment_des: z.string().optional(),
    steps: whole.optional(),
    seed: whole.optional(),
    crop: z.boolean().optional(),
    force_dc: z.boolean().optional(),
    mask_only: z
      .literal(false, { error: 'not supported by the simulator: it draws no masks' })
      .optional(),
  })
  .transform(
    (body): Wish => ({
      personImage: body.human_img,
      garmentImages: [body.garm_img],
      outputSize: usual,
      wantsBase64: false,
    }),
  );

const pImageTryOn = z
  .object({
    person_image: image,
    garment_images: z.array(image).min(1),
    seed: whole.optional(),
    turbo: z.boolean().optional(),
    output_format: z.enum(['png', 'jpg', 'webp']).optional(),
    output_quality: whole.min(0).max(100).optional(),
    preserve_input_size: z.boolean().optional(),
  })
  .transform(
    (body): Wish => ({
      personImage: body.person_image,
      garmentImages: body.garment_images,
      outputSize: likeTheInput,
      // ASSUMPTION: PNG unless told.
      outputFormat: body.output_format === 'jpg' ? 'jpeg' : (body.output_format ?? 'png'),
      wantsBase64: false,
    }),
  );

/** Each model's parameters have names of their own. */
export const segmindModels: Readonly<Record<string, z.ZodType<Wish>>> = {
  'try-on-diffusion': tryOnDiffusion,
  'idm-vton': idmVton,
  'p-image-try-on': pImageTryOn,
};
