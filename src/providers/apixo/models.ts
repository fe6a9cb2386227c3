import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { Model } from '../provider.ts';
import { parseInput } from '../wire-values.ts';

/**
 * The models of APIXO that are offered, each named by its slug. It lists no try-on model: try-on is
 * an image made from several reference images.
 *
 * ASSUMPTION, for all of them: `mode`, `prompt`, `image_urls` and `aspect_ratio` are the names, as
 * in "Generate Task" and "GPT Image 1" (read 2026-11-20); the models' own schemas were not read. So
 * are the bounds below, which no document gives: the prompt's length, the garments, the aspect ratios.
 */
const Prompt = z.string().trim().min(1).max(2_000);
const AspectRatio = z.enum(['1:1', '2:3', '3:2', '3:4', '4:3', '9:16', '16:9']);

const TryOn = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).min(1).max(4),
  prompt: Prompt.optional(),
  aspectRatio: AspectRatio.optional(),
});

const FromText = z.strictObject({ prompt: Prompt, aspectRatio: AspectRatio.optional() });

/** What the model is told to do with the pictures when the app says nothing. */
const DRESS =
  'Dress the person in the first image in the garments of the other images. ' +
  'Keep the face, body, pose and background of the first image.';

/** "Status Task": links to results die after 24 hours. */
const RESULT_LIFETIME_MS = 24 * 3_600_000;

/** A model, and how its input is said to APIXO. */
export interface ApixoModel extends Model {
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
}

/** Timing is the model types' own, which is APIXO's table in "Polling vs Webhooks". */
export const MODELS: Readonly<Record<string, ApixoModel>> = {
  'nano-banana': {
    type: 'image-fast',
    about: 'Dresses a person in one to four garments, guided by words.',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: TryOn,
    wireInput: (raw) => {
      const input = parseInput(TryOn, raw);
      return {
        mode: 'image-to-image',
        prompt: input.prompt ?? DRESS,
        image_urls: [input.personImage, ...input.garmentImages],
        aspect_ratio: input.aspectRatio,
      };
    },
  },
  'gpt-image-1': {
    type: 'image-quality',
    about: 'Makes an image from words.',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: FromText,
    wireInput: (raw) => fromText('text-to-image', raw),
  },
  'sora-2': {
    type: 'video',
    about: 'Makes a video from words.',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: FromText,
    wireInput: (raw) => fromText('text-to-video', raw),
  },
};

function fromText(mode: string, raw: Record<string, unknown>): Record<string, unknown> {
  const input = parseInput(FromText, raw);
  return { mode, prompt: input.prompt, aspect_ratio: input.aspectRatio };
}
