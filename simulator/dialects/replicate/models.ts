import { z } from 'zod';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { invalid, isPicture } from '../inputs.ts';

// Which models the stand-in Replicate runs, and what they take. Input names, default and version:
// the model page of google/nano-banana ("API", "Input schema"); ASSUMPTION for cuuupid/idm-vton, as
// in public examples. Read 2026-11-21.

const Image = z
  .string()
  .refine(
    (value) => isPicture(value) || value.startsWith('data:application/octet-stream;base64,'),
    'must be an http(s) URL or a data URI',
  );

const NanoBanana = z.looseObject({
  prompt: z.string().min(1),
  image_input: z.array(Image).optional(),
  output_format: z.enum(['jpg', 'png']).optional(),
});

const IdmVton = z.looseObject({
  human_img: Image,
  garm_img: Image,
  garment_des: z.string().optional(),
  category: z.enum(['upper_body', 'lower_body', 'dresses']).optional(),
  crop: z.boolean().optional(),
  force_dc: z.boolean().optional(),
  mask_only: z.boolean().optional(),
  steps: z.number().int().min(1).max(40).optional(),
  seed: z.number().int().optional(),
});

/** The page of the model: its example and its tips. ASSUMPTION: the types of the options. */
const PImageTryOn = z.looseObject({
  person_image: Image,
  garment_images: z.array(Image).min(1).max(11),
  prompt: z.string().optional(),
  turbo: z.boolean().optional(),
  preserve_input_size: z.boolean().optional(),
  seed: z.number().int().optional(),
});

/** What is asked for, in the engine's words; the rest of a submission is the same for all models. */
export type Work = Pick<
  Submission,
  'personImage' | 'garmentImages' | 'outputSize' | 'outputFormat' | 'stockResult'
>;

/** The page of google/nano-banana, under one of its versions. */
const NANO_VERSION = 'f0a9d34b12ad1c1cd76269a844b218ff4e64e128ddaba93e15891f47368958a0';

/** ASSUMPTION: the one version of the community model that there is. */
const IDM_VERSION = '0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985';

/** ASSUMPTION: its version, which predictions of an official model do not show. */
const P_IMAGE_VERSION = 'b'.repeat(64);

/** A model that can be run. */
export interface Model {
  name: string;
  about: string;
  /** 64 hex digits. Predictions of an official model do not show it. */
  version: string;
  isOfficial: boolean;
  /** What it takes. */
  input: z.ZodType;
  /** What it gives, as a JSON schema. */
  output: Readonly<Record<string, string>>;
  read(input: unknown): Work | Refusal;
}

/** The models that can be run. */
export const MODELS: readonly Model[] = [
  {
    name: 'google/nano-banana',
    about: 'Makes and edits pictures, guided by words.',
    version: NANO_VERSION,
    isOfficial: true,
    input: NanoBanana,
    output: { type: 'string', format: 'uri', title: 'Output' },
    read: (raw) => {
      const input = NanoBanana.safeParse(raw);
      if (!input.success) return invalid(input.error);
      const [personImage, ...garmentImages] = input.data.image_input ?? [];
      const outputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' } as const;
      const outputFormat = input.data.output_format === 'png' ? 'png' : 'jpeg';
      // From words alone nothing is drawn here.
      return personImage === undefined
        ? { garmentImages, outputSize, stockResult: true }
        : { personImage, garmentImages, outputSize, outputFormat };
    },
  },
  {
    name: 'cuuupid/idm-vton',
    about: 'Virtual try-on: dresses a person in one garment.',
    version: IDM_VERSION,
    isOfficial: false,
    input: IdmVton,
    output: { type: 'string', format: 'uri', title: 'Output' },
    read: (raw) => {
      const input = IdmVton.safeParse(raw);
      if (!input.success) return invalid(input.error);
      return {
        personImage: input.data.human_img,
        garmentImages: [input.data.garm_img],
        outputSize: { widthPx: 768, heightPx: 1024, fit: 'cover' },
      };
    },
  },
  {
    name: 'prunaai/p-image-try-on',
    about: 'Dresses a person in one or more garments.',
    version: P_IMAGE_VERSION,
    isOfficial: true,
    input: PImageTryOn,
    output: { type: 'string', format: 'uri', title: 'Output' },
    read: (raw) => {
      const input = PImageTryOn.safeParse(raw);
      if (!input.success) return invalid(input.error);
      return {
        personImage: input.data.person_image,
        garmentImages: input.data.garment_images,
        outputSize: { widthPx: 768, heightPx: 1024, fit: 'inside' },
      };
    },
  },
];

/**
 * The model that a `version` names: `owner/name`, for an official one only, `owner/name:version` or
 * the version alone (changelog "Run all models with the same API endpoint").
 */
export function modelNamed(version: string): Model | undefined {
  return MODELS.find(
    ({ name, version: own, isOfficial }) =>
      version === own || version === `${name}:${own}` || (isOfficial && version === name),
  );
}
