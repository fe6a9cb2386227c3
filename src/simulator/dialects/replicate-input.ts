import { z } from 'zod';
import type { Refusal, Submission } from '../dialect.ts';

// Which models the stand-in Replicate runs, and what they take. Input names: the model page of
// google/nano-banana; ASSUMPTION for cuuupid/idm-vton, as in public examples. Read 2026-11-20.

const image = z
  .string()
  .refine(
    (value) =>
      /^data:image\/[\w.+-]+;base64,/.test(value) ||
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

type Work = Pick<Submission, 'personImage' | 'garmentImages' | 'outputSize' | 'stockResult'>;

/** ASSUMPTION: the one version of the community model that there is. */
const idmVersion = '0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985';

export interface Model {
  name: string;
  /** 64 hex digits, and `hidden` for an official model: those are named without. */
  version: string;
  isOfficial: boolean;
  read(input: unknown): Work | Refusal;
}

export const models: readonly Model[] = [
  {
    name: 'google/nano-banana',
    version: 'hidden',
    isOfficial: true,
    read: (raw) => {
      const input = nanoBanana.safeParse(raw);
      if (!input.success) return invalid(input.error);
      const [personImage, ...garmentImages] = input.data.image_input ?? [];
      const outputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' } as const;
      // From words alone nothing is drawn here.
      return personImage === undefined
        ? { garmentImages, outputSize, stockResult: true }
        : { personImage, garmentImages, outputSize };
    },
  },
  {
    name: 'cuuupid/idm-vton',
    version: idmVersion,
    isOfficial: false,
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
 * The model that a `version` names: `owner/name` for an official one, `owner/name:version` or the
 * version alone for a community model (changelog "Run all models with the same API endpoint").
 */
export function modelNamed(version: string): Model | undefined {
  return models.find(({ name, version: own, isOfficial }) =>
    isOfficial ? version === name : version === own || version === `${name}:${own}`,
  );
}

function invalid(error: z.ZodError): Refusal {
  return { reason: 'invalid', message: z.prettifyError(error) };
}
