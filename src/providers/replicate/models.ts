import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { AddedModel } from '../added-model.ts';
import type { Model } from '../provider.ts';
import type { LinksIn } from '../result-links.ts';
import { parseInput } from '../wire-values.ts';
import { linksInOutput, RESULT_LIFETIME_MS } from './wire.ts';

/**
 * The models of Replicate that are offered. ASSUMPTION: that these are the ones to offer, and that
 * the bounds below hold (the prompt's length, the garments, the steps); the input names of
 * `google/nano-banana` are from its model page, those of `cuuupid/idm-vton` from examples of its use
 * in public code, both read 2026-11-20.
 */
const NanoBanana = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).min(1).max(4),
  prompt: z.string().trim().min(1).max(2_000).optional(),
  outputFormat: z.enum(['jpg', 'png']).optional(),
});

const IdmVton = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).length(1),
  /** In a few words: `cute pink top`. */
  garmentDescription: z.string().trim().max(500).optional(),
  category: z.enum(['tops', 'bottoms', 'dresses']).optional(),
  /** For a person picture whose sides are not 3 by 4. */
  crop: z.boolean().optional(),
  steps: z.int().min(1).max(40).optional(),
  seed: z.int().optional(),
});

const IDM_CATEGORY = { tops: 'upper_body', bottoms: 'lower_body', dresses: 'dresses' } as const;

/** What the model is told to do with the pictures when the app says nothing. */
const DRESS =
  'Dress the person in the first image in the garments of the other images. ' +
  'Keep the face, body, pose and background of the first image.';

/**
 * No document recommends a timing. The official SDK asks every 500 ms; here seconds lie between, and
 * a cold model may take minutes to boot.
 */
const poll = {
  firstAfterMs: 2_000,
  everyMs: 1_500,
  factor: 1.5,
  longestMs: 5_000,
  giveUpAfterMs: 300_000,
};

/** A model, and how Replicate is told of it. */
export interface ReplicateModel extends Model {
  /**
   * "Run all models with the same API endpoint" (changelog, read 2026-11-20): `owner/name` for an
   * official model; a community model has no address of its own and needs `owner/name:version`.
   */
  readonly version: string;
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
  /** Where its results are; anywhere in the output unless said. */
  readonly linksIn?: LinksIn | undefined;
}

export const MODELS: Readonly<Record<string, ReplicateModel>> = {
  'google/nano-banana': {
    type: 'image-fast',
    about: 'Dresses a person in one to four garments, guided by words.',
    version: 'google/nano-banana',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: NanoBanana,
    poll,
    wireInput: (raw) => {
      const input = parseInput(NanoBanana, raw);
      return {
        prompt: input.prompt ?? DRESS,
        image_input: [input.personImage, ...input.garmentImages],
        output_format: input.outputFormat,
      };
    },
  },
  'cuuupid/idm-vton': {
    type: 'image-quality',
    about: 'Dresses a person in one garment. A community model, which may have to boot first.',
    // ASSUMPTION: still runnable; the version that public code names most recently.
    version: 'cuuupid/idm-vton:0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: IdmVton,
    poll,
    wireInput: (raw) => {
      const input = parseInput(IdmVton, raw);
      return {
        human_img: input.personImage,
        garm_img: input.garmentImages[0],
        garment_des: input.garmentDescription,
        category: input.category && IDM_CATEGORY[input.category],
        crop: input.crop,
        steps: input.steps,
        seed: input.seed,
      };
    },
  },
};

/** A model that the settings add, by its name here. */
export function addedModel(name: string, added: AddedModel): ReplicateModel {
  const { providerModel = name, ...model } = added;
  return { resultLifetimeMs: RESULT_LIFETIME_MS, ...model, version: providerModel };
}

/** Where the results of this model are in its output. */
export function linksOf(model: ReplicateModel | undefined): LinksIn {
  return model?.linksIn ?? linksInOutput;
}
