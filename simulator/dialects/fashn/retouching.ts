import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  delivery,
  deliveryOf,
  Image,
  inputs,
  LoraUrl,
  type ModelRequest,
  onePicture,
  Seed,
  WithoutEnhancement,
  Words,
} from './inputs.ts';
import { SIZES } from './sizes.ts';

// Facts: as in dialect.ts.

// FASHN's models that make another picture of one picture. Facts: see inputs.ts.

/** `model-variation`: other colours. */
export const ModelVariation = inputs({
  ...delivery,
  model_image: Image,
  variation_strength: z.enum(['subtle', 'strong']).default('subtle'),
  lora_url: LoraUrl,
  seed: Seed.default(42),
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf(body),
    ...onePicture,
    personImage: body.model_image,
    garmentImages: [],
    outputSize: SIZES.within['1k'],
    drawing: {
      kind: 'recolouring',
      degrees: (body.variation_strength === 'strong' ? 120 : 20) + (body.seed % 20),
    },
  }),
);

/** How much is added, as a part of the picture. ASSUMPTION: the amount, and the mode unless told. */
const ADDED_SHARE = 0.25;

/** `reframe`: a larger canvas, by shape or by direction. */
export const Reframe = inputs({
  ...delivery,
  image: Image,
  mode: z.enum(['direction', 'aspect_ratio']).default('direction'),
  target_aspect_ratio: Words,
  target_direction: z.enum(['both', 'down', 'up']).optional(),
  seed: Seed,
}).transform((body): ModelRequest => {
  const common = { ...deliveryOf(body), ...onePicture, personImage: body.image, garmentImages: [] };
  if (body.mode === 'direction') {
    const to = body.target_direction;
    const drawing = {
      kind: 'extension' as const,
      above: to === 'down' ? 0 : ADDED_SHARE,
      below: to === 'up' ? 0 : ADDED_SHARE,
      beside: to === 'both' ? ADDED_SHARE : 0,
    };
    const fault = to ? {} : { fault: "mode 'direction' requires target_direction." };
    return { ...common, drawing, outputSize: SIZES.within['1k'], ...fault };
  }
  const size = SIZES.reframed(body.target_aspect_ratio ?? '');
  if (size) return { ...common, outputSize: size };
  const fault = `mode 'aspect_ratio' requires target_aspect_ratio: ${SIZES.reframeRatios}.`;
  return { ...common, outputSize: SIZES.within['1k'], fault };
});

/** `background-change`: a plain backdrop in a colour of the prompt's. */
export const BackgroundChange = inputs({
  ...delivery,
  image: Image,
  prompt: z.string(),
  disable_prompt_enhancement: WithoutEnhancement,
  seed: Seed,
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf(body),
    ...onePicture,
    personImage: body.image,
    garmentImages: [],
    outputSize: SIZES.within['1k'],
    drawing: { kind: 'backdrop', colour: colourOf(body.prompt) },
  }),
);

/** `background-remove`: a cut-out, which is always a PNG. */
export const BackgroundRemove = inputs({
  image: Image,
  return_base64: delivery.return_base64,
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf({ output_format: 'png', return_base64: body.return_base64 }),
    ...onePicture,
    personImage: body.image,
    garmentImages: [],
    outputSize: SIZES.within['2k'],
    drawing: { kind: 'cut-out' },
  }),
);

/** Always the same for the same words. */
function colourOf(prompt: string): string {
  return `#${createHash('sha256').update(prompt).digest('hex').slice(0, 6)}`;
}
