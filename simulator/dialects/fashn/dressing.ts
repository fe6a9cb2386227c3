import { z } from 'zod';
import {
  delivery,
  deliveryOf,
  type FashnWish,
  image,
  inputs,
  loraUrl,
  onePicture,
  savedOrImage,
  seed,
  withoutEnhancement,
  words,
} from './inputs.ts';
import { fashnSizes } from './sizes.ts';

// FASHN's models that dress somebody, or invent somebody to dress. Facts: see fashn-inputs.ts.

/** Who is drawn where FASHN would invent somebody. */
const stockFigure = 'saved:person';

/** `tryon-v1.6`: one garment on one person. */
export const tryOn = inputs({
  ...delivery,
  model_image: savedOrImage,
  garment_image: image,
  category: z.enum(['auto', 'tops', 'bottoms', 'one-pieces']).optional(),
  mode: z.enum(['performance', 'balanced', 'quality']).optional(),
  garment_photo_type: z.enum(['auto', 'flat-lay', 'model']).optional(),
  moderation_level: z.enum(['conservative', 'permissive', 'none']).optional(),
  segmentation_free: z.boolean().optional(),
  num_samples: z.number().int().min(1).max(4).default(1),
  seed,
}).transform(
  (body): FashnWish => ({
    ...deliveryOf(body),
    personImage: body.model_image,
    garmentImages: [body.garment_image],
    outputSize: fashnSizes.tryOn,
    resultCount: body.num_samples,
    creditCost: body.num_samples,
  }),
);

/** Documented: two to five credits. ASSUMPTION: by resolution. */
const maxCredits = { '1k': 2, '2k': 3, '4k': 5 };

/** `tryon-max`: the same in the person's proportions. */
export const tryOnMax = inputs({
  ...delivery,
  model_image: image,
  // The same thing under another name than in tryon-v1.6.
  product_image: image,
  prompt: words,
  resolution: z.enum(['1k', '2k', '4k']).default('1k'),
  generation_mode: words,
  num_images: z.number().int().min(1).max(4).default(1),
  seed,
}).transform(
  (body): FashnWish => ({
    ...deliveryOf(body),
    personImage: body.model_image,
    garmentImages: [body.product_image],
    outputSize: fashnSizes.within[body.resolution],
    resultCount: body.num_images,
    creditCost: body.num_images * maxCredits[body.resolution],
  }),
);

/** `product-to-model`: one product on the caller's person, or on the stock figure. */
export const productToModel = inputs({
  ...delivery,
  product_image: image,
  model_image: image.optional(),
  image_prompt: image.optional(),
  aspect_ratio: z.enum(fashnSizes.canvasRatios).optional(),
  prompt: words,
  resolution: z.enum(['1k', '4k']).default('1k'),
  seed,
}).transform((body): FashnWish => {
  const { resolution, aspect_ratio: ratio } = body;
  // With a model of the caller's own, the picture keeps that model's proportions.
  const isShaped = body.model_image === undefined && ratio !== undefined;
  return {
    ...deliveryOf(body),
    ...onePicture,
    personImage: body.model_image ?? stockFigure,
    garmentImages: [body.product_image],
    inspectedImages: body.image_prompt === undefined ? [] : [body.image_prompt],
    outputSize: isShaped ? fashnSizes.canvas(ratio, resolution) : fashnSizes.within[resolution],
  };
});

/** `model-create`: the stock figure on a canvas. */
export const modelCreate = inputs({
  ...delivery,
  prompt: z.string(),
  // ASSUMPTION: the shape unless told.
  aspect_ratio: z.enum(fashnSizes.canvasRatios).default('2:3'),
  image_reference: z
    .never({ error: 'is not supported by the simulator: it copies no poses' })
    .optional(),
  reference_type: z.enum(['pose', 'silhouette']).optional(),
  disable_prompt_enhancement: withoutEnhancement,
  lora_url: loraUrl,
  seed,
}).transform(
  (body): FashnWish => ({
    ...deliveryOf(body),
    ...onePicture,
    personImage: stockFigure,
    garmentImages: [],
    outputSize: fashnSizes.canvas(body.aspect_ratio, '1k'),
  }),
);
