import type { z } from 'zod';
import { modelCreate, productToModel, tryOn, tryOnMax } from './dressing.ts';
import type { FashnWish } from './inputs.ts';
import { backgroundChange, backgroundRemove, modelVariation, reframe } from './retouching.ts';

/** What each model takes. */
export const fashnModels = new Map<string, z.ZodType<FashnWish>>([
  ['tryon-v1.6', tryOn],
  ['tryon-max', tryOnMax],
  ['product-to-model', productToModel],
  ['model-create', modelCreate],
  ['model-variation', modelVariation],
  ['reframe', reframe],
  ['background-change', backgroundChange],
  ['background-remove', backgroundRemove],
]);

/** FASHN's other models, and why there is no stand-in for them. */
export const unsupportedFashnModels = new Map([
  ['model-swap', 'it cannot draw another face'],
  ['face-to-model', 'it cannot draw a body to a face'],
  ['edit', 'it cannot follow instructions'],
  ['image-to-video', 'it makes no videos'],
]);
