import { z } from 'zod';
import {
  delivery,
  deliveryOf,
  Image,
  inputs,
  LoraUrl,
  type ModelRequest,
  onePicture,
  SavedOrImage,
  Seed,
  WithoutEnhancement,
  Words,
} from './inputs.ts';
import { SIZES } from './sizes.ts';

// Facts: as in dialect.ts.

// FASHN's models that dress somebody, or invent somebody to dress. Facts: see inputs.ts.

/** Who is drawn where FASHN would invent somebody. */
const STOCK_FIGURE = 'saved:person';

/** `tryon-v1.6`: one garment on one person. */
export const TryOn = inputs({
  ...delivery,
  model_image: SavedOrImage,
  garment_image: Image,
  category: z.enum(['auto', 'tops', 'bottoms', 'one-pieces']).optional(),
  mode: z.enum(['performance', 'balanced', 'quality']).optional(),
  garment_photo_type: z.enum(['auto', 'flat-lay', 'model']).optional(),
  moderation_level: z.enum(['conservative', 'permissive', 'none']).optional(),
  segmentation_free: z.boolean().optional(),
  num_samples: z.number().int().min(1).max(4).default(1),
  seed: Seed,
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf(body),
    personImage: body.model_image,
    garmentImages: [body.garment_image],
    outputSize: SIZES.tryOn,
    resultCount: body.num_samples,
    creditCost: body.num_samples,
  }),
);

/** Documented: two to five credits. ASSUMPTION: by resolution. */
const MAX_CREDITS = { '1k': 2, '2k': 3, '4k': 5 };

/** `tryon-max`: the same in the person's proportions. */
export const TryOnMax = inputs({
  ...delivery,
  model_image: Image,
  // The same thing under another name than in tryon-v1.6.
  product_image: Image,
  prompt: Words,
  resolution: z.enum(['1k', '2k', '4k']).default('1k'),
  generation_mode: Words,
  num_images: z.number().int().min(1).max(4).default(1),
  seed: Seed,
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf(body),
    personImage: body.model_image,
    garmentImages: [body.product_image],
    outputSize: SIZES.within[body.resolution],
    resultCount: body.num_images,
    creditCost: body.num_images * MAX_CREDITS[body.resolution],
  }),
);

/** `product-to-model`: one product on the caller's person, or on the stock figure. */
export const ProductToModel = inputs({
  ...delivery,
  product_image: Image,
  model_image: Image.optional(),
  image_prompt: Image.optional(),
  aspect_ratio: z.enum(SIZES.canvasRatios).optional(),
  prompt: Words,
  resolution: z.enum(['1k', '4k']).default('1k'),
  seed: Seed,
}).transform((body): ModelRequest => {
  const { resolution, aspect_ratio: ratio } = body;
  // With a model of the caller's own, the picture keeps that model's proportions.
  const isShaped = body.model_image === undefined && ratio !== undefined;
  return {
    ...deliveryOf(body),
    ...onePicture,
    personImage: body.model_image ?? STOCK_FIGURE,
    garmentImages: [body.product_image],
    inspectedImages: body.image_prompt === undefined ? [] : [body.image_prompt],
    outputSize: isShaped ? SIZES.canvas(ratio, resolution) : SIZES.within[resolution],
  };
});

/** `model-create`: the stock figure on a canvas. */
export const ModelCreate = inputs({
  ...delivery,
  prompt: z.string(),
  // ASSUMPTION: the shape unless told.
  aspect_ratio: z.enum(SIZES.canvasRatios).default('2:3'),
  image_reference: z
    .never({ error: 'is not supported by the simulator: it copies no poses' })
    .optional(),
  reference_type: z.enum(['pose', 'silhouette']).optional(),
  disable_prompt_enhancement: WithoutEnhancement,
  lora_url: LoraUrl,
  seed: Seed,
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf(body),
    ...onePicture,
    personImage: STOCK_FIGURE,
    garmentImages: [],
    outputSize: SIZES.canvas(body.aspect_ratio, '1k'),
  }),
);
