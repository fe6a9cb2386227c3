import { z } from 'zod';
import type { PictureFormat } from '../../contract/picture.ts';
import type { Submission } from '../../contract/submission.ts';
import { isPicture } from '../inputs.ts';

// Facts: the input types of the official TypeScript client (fashn 0.11.1), and FASHN's pages of the
// models, read 2026-11-20. What no document says is marked ASSUMPTION.

/** What a run asks for, in the engine's words. */
export interface ModelRequest
  extends Pick<
    Submission,
    'garmentImages' | 'inspectedImages' | 'outputSize' | 'drawing' | 'resultCount' | 'creditCost'
  > {
  /** An address, a `data:` URI, or the name of a saved model. */
  personImage: string;
  outputFormat: PictureFormat;
  returnsBase64: boolean;
  /** What the pipeline, and not the door, will find wrong with the inputs. */
  fault?: string;
}

/** A model of the account's own Models Studio. The stand-in's are the pictures in its assets. */
export const SAVED_PATTERN = /^saved:([\w-]+)$/;

/** A picture's address, or the picture itself. */
export const Image = z
  .string()
  .refine(
    (value) => isPicture(value),
    'must be an http(s) URL or a base64 image with its data:image prefix',
  );

/** Only tryon-v1.6 takes saved models. */
export const SavedOrImage = z.union([z.string().regex(SAVED_PATTERN), Image], {
  error: 'must be an http(s) URL, a base64 image with its data:image prefix, or saved:<name>',
});

// What is taken, but has no effect on a picture that no model makes.

/** Taken by every model that draws. */
export const Seed = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .optional();
export const WithoutEnhancement = z.boolean().optional();
export const Words = z.string().optional();

/** What the newer models take alike. `generation_mode` says how much trouble is taken. */
export const Resolution = z.enum(['1k', '2k', '4k']).default('1k');
/** ASSUMPTION: `fast` unless told, which costs what the pages of before there were modes say: 1 credit. */
export const Mode = z.enum(['fast', 'balanced', 'quality']).default('fast');
export const PictureCount = z.number().int().min(1).max(4).default(1);
/** Copying a face would have an effect, but whose picture it is must be one. */
export const face = {
  face_reference: Image.optional(),
  face_reference_mode: z.enum(['match_base', 'match_reference']).optional(),
};
const FACE_CREDITS = 3;

/**
 * Documented for `tryon-max`: two to four credits, one more for quality. ASSUMPTION: one less for
 * `fast`, which it does not know, and the same for the others.
 */
export function creditsFor(wanted: {
  resolution: '1k' | '2k' | '4k';
  generation_mode: 'fast' | 'balanced' | 'quality';
  face_reference?: string | undefined;
}): number {
  const picture = { '1k': 2, '2k': 3, '4k': 4 }[wanted.resolution];
  const trouble = { fast: -1, balanced: 0, quality: 1 }[wanted.generation_mode];
  return picture + trouble + (wanted.face_reference === undefined ? 0 : FACE_CREDITS);
}

/** Weights would have an effect, so they are refused. */
export const LoraUrl = z
  .never({ error: 'is not supported by the simulator: it loads no LoRA' })
  .optional();

/** How the result is handed over. */
export const delivery = {
  output_format: z.enum(['png', 'jpeg']).default('png'),
  return_base64: z.boolean().default(false),
};

/**
 * The inputs of one model. A name that it does not know is refused, because a real run would do
 * something about it that this one does not.
 */
export function inputs<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `${issue.keys.join(', ')}: not supported by the simulator`
        : undefined,
  });
}

/** The same in the engine's words. */
export function deliveryOf(wanted: { output_format: 'png' | 'jpeg'; return_base64: boolean }) {
  return { outputFormat: wanted.output_format, returnsBase64: wanted.return_base64 };
}

/** ASSUMPTION: one credit per picture, where the model's page names no other price. */
export const onePicture = { resultCount: 1, creditCost: 1 };
