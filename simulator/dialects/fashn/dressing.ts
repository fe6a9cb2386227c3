import { z } from 'zod';
import {
  creditsFor,
  delivery,
  deliveryOf,
  face,
  Image,
  inputs,
  LoraUrl,
  Mode,
  type ModelRequest,
  onePicture,
  PictureCount,
  Resolution,
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

/** `tryon-max`: the same in the person's proportions, or in those that are asked for. */
export const TryOnMax = inputs({
  ...delivery,
  model_image: Image,
  // The same thing under another name than in tryon-v1.6.
  product_image: Image,
  prompt: Words,
  aspect_ratio: z.enum(SIZES.ratios).optional(),
  resolution: Resolution,
  // ASSUMPTION: "auto-selected" unless told; here that is `balanced`.
  generation_mode: z.enum(['balanced', 'quality']).default('balanced'),
  num_images: PictureCount,
  seed: Seed,
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf(body),
    personImage: body.model_image,
    garmentImages: [body.product_image],
    outputSize: SIZES.shaped(body.aspect_ratio, body.resolution),
    resultCount: body.num_images,
    creditCost: body.num_images * creditsFor(body),
  }),
);

/** `product-to-model`: one product on the caller's person, or on the stock figure. */
export const ProductToModel = inputs({
  ...delivery,
  product_image: Image,
  model_image: Image.optional(),
  image_prompt: Image.optional(),
  ...face,
  aspect_ratio: z.enum(SIZES.ratios).optional(),
  prompt: Words,
  resolution: Resolution,
  generation_mode: Mode,
  seed: Seed,
}).transform((body): ModelRequest => {
  const { model_image, image_prompt, face_reference, resolution } = body;
  const guides = [image_prompt, face_reference].filter((image) => image !== undefined);
  const isCrowded = model_image !== undefined && guides.length > 0;
  return {
    ...deliveryOf(body),
    personImage: model_image ?? STOCK_FIGURE,
    garmentImages: [body.product_image],
    inspectedImages: guides,
    // With a model of the caller's own, the picture keeps that model's proportions.
    outputSize: SIZES.shaped(model_image === undefined ? body.aspect_ratio : undefined, resolution),
    resultCount: 1,
    creditCost: creditsFor(body),
    ...(isCrowded && { fault: 'model_image cannot be combined with other image inputs.' }),
  };
});

/** `model-swap`: the same clothes and pose; another person is shown by other colours. */
export const ModelSwap = inputs({
  ...delivery,
  model_image: Image,
  prompt: Words,
  ...face,
  aspect_ratio: z.enum(SIZES.ratios).optional(),
  resolution: Resolution,
  generation_mode: Mode,
  num_images: PictureCount,
  seed: Seed,
}).transform(
  (body): ModelRequest => ({
    ...deliveryOf(body),
    personImage: body.model_image,
    garmentImages: [],
    inspectedImages: body.face_reference === undefined ? [] : [body.face_reference],
    outputSize: SIZES.shaped(undefined, body.resolution),
    drawing: { kind: 'recolouring', degrees: 335 + ((body.seed ?? 0) % 15) },
    resultCount: body.num_images,
    creditCost: body.num_images * creditsFor(body),
  }),
);

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
