import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  delivery,
  deliveryOf,
  type FashnWish,
  image,
  inputs,
  loraUrl,
  onePicture,
  seed,
  withoutEnhancement,
  words,
} from './inputs.ts';
import { fashnSizes } from './sizes.ts';

// FASHN's models that make another picture of one picture. Facts: see fashn-inputs.ts.

/** `model-variation`: other colours. */
export const modelVariation = inputs({
  ...delivery,
  model_image: image,
  variation_strength: z.enum(['subtle', 'strong']).default('subtle'),
  lora_url: loraUrl,
  seed: seed.default(42),
}).transform(
  (body): FashnWish => ({
    ...deliveryOf(body),
    ...onePicture,
    personImage: body.model_image,
    garmentImages: [],
    outputSize: fashnSizes.within['1k'],
    drawing: {
      kind: 'recolouring',
      degrees: (body.variation_strength === 'strong' ? 120 : 20) + (body.seed % 20),
    },
  }),
);

/** How much is added, as a part of the picture. ASSUMPTION: the amount, and the mode unless told. */
const added = 0.25;

/** `reframe`: a larger canvas, by shape or by direction. */
export const reframe = inputs({
  ...delivery,
  image,
  mode: z.enum(['direction', 'aspect_ratio']).default('direction'),
  target_aspect_ratio: words,
  target_direction: z.enum(['both', 'down', 'up']).optional(),
  seed,
}).transform((body): FashnWish => {
  const common = { ...deliveryOf(body), ...onePicture, personImage: body.image, garmentImages: [] };
  if (body.mode === 'direction') {
    const to = body.target_direction;
    const drawing = {
      kind: 'extension' as const,
      above: to === 'down' ? 0 : added,
      below: to === 'up' ? 0 : added,
      beside: to === 'both' ? added : 0,
    };
    const fault = to ? {} : { fault: "mode 'direction' requires target_direction." };
    return { ...common, drawing, outputSize: fashnSizes.within['1k'], ...fault };
  }
  const size = fashnSizes.reframed(body.target_aspect_ratio ?? '');
  if (size) return { ...common, outputSize: size };
  const fault = `mode 'aspect_ratio' requires target_aspect_ratio: ${fashnSizes.reframeRatios}.`;
  return { ...common, outputSize: fashnSizes.within['1k'], fault };
});

/** `background-change`: a plain backdrop in a colour of the prompt's. */
export const backgroundChange = inputs({
  ...delivery,
  image,
  prompt: z.string(),
  disable_prompt_enhancement: withoutEnhancement,
  seed,
}).transform(
  (body): FashnWish => ({
    ...deliveryOf(body),
    ...onePicture,
    personImage: body.image,
    garmentImages: [],
    outputSize: fashnSizes.within['1k'],
    drawing: { kind: 'backdrop', colour: colourOf(body.prompt) },
  }),
);

/** `background-remove`: a cut-out, which is always a PNG. */
export const backgroundRemove = inputs({ image, return_base64: delivery.return_base64 }).transform(
  (body): FashnWish => ({
    ...deliveryOf({ output_format: 'png', return_base64: body.return_base64 }),
    ...onePicture,
    personImage: body.image,
    garmentImages: [],
    outputSize: fashnSizes.within['2k'],
    drawing: { kind: 'cut-out' },
  }),
);

/** Always the same for the same words. */
function colourOf(prompt: string): string {
  return `#${createHash('sha256').update(prompt).digest('hex').slice(0, 6)}`;
}
