import { z } from 'zod';
import type { Refusal, Submission } from '../../contract/dialect.ts';

// Which models the stand-in Replicate runs, and what they take. Input names, default and version:
// the model page of google/nano-banana ("API", "Input schema"); ASSUMPTION for cuuupid/idm-vton, as
// in public examples. Read 2026-11-21.

const image = z
  .string()
  .refine(
    (value) =>
      /^data:(?:image\/[\w.+-]+|application\/octet-stream);base64,/.test(value) ||
      z.url({ protocol: /^https?$/ }).safeParse(value).success,
    'must be an http(s) URL or a data URI',
  );

const nanoBanana = z.looseObject({
  prompt: z.string().min(1),
  image_input: z.array(image).optional(),
  output_format: z.enum(['jpg', 'png']).optional(),
});

const idmVton = z.looseObject({
  human_img: image,
  garm_img: image,
  garment_des: z.string().optional(),
  category: z.enum(['upper_body', 'lower_body', 'dresses']).optional(),
  crop: z.boolean().optional(),
  force_dc: z.boolean().optional(),
  mask_only: z.boolean().optional(),
  steps: z.number().int().min(1).max(40).optional(),
  seed: z.number().int().optional(),
});

/** What is asked for, in the engine's words; the rest of a submission is the same for all models. */
export type Work = Pick<
  Submission,
  'personImage' | 'garmentImages' | 'outputSize' | 'outputFormat' | 'stockResult'
>;

/** The page of google/nano-banana, under one of its versions. */
const nanoVersion = 'f0a9d34b12ad1c1cd76269a844b218ff4e64e128ddaba93e15891f47368958a0';

/** ASSUMPTION: the one version of the community model that there is. */
const idmVersion = '0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985';

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

export const models: readonly Model[] = [
  {
    name: 'google/nano-banana',
    about: 'Makes and edits pictures, guided by words.',
    version: nanoVersion,
    isOfficial: true,
    input: nanoBanana,
    output: { type: 'string', format: 'uri', title: 'Output' },
    read: (raw) => {
      const input = nanoBanana.safeParse(raw);
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
    version: idmVersion,
    isOfficial: false,
    input: idmVton,
    output: { type: 'string', format: 'uri', title: 'Output' },
    read: (raw) => {
      const input = idmVton.safeParse(raw);
      if (!input.success) return invalid(input.error);
      return {
        personImage: input.data.human_img,
        garmentImages: [input.data.garm_img],
        outputSize: { widthPx: 768, heightPx: 1024, fit: 'cover' },
      };
    },
  },
];

/**
 * The model that a `version` names: `owner/name`, for an official one only, `owner/name:version` or
 * the version alone (changelog "Run all models with the same API endpoint").
 */
export function modelNamed(version: string): Model | undefined {
  return models.find(
    ({ name, version: own, isOfficial }) =>
      version === own || version === `${name}:${own}` || (isOfficial && version === name),
  );
}

function invalid(error: z.ZodError): Refusal {
  return { reason: 'invalid', message: z.prettifyError(error) };
}
