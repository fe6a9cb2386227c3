import type { z } from 'zod';
import { ModelCreate, ModelSwap, ProductToModel, TryOn, TryOnMax } from './dressing.ts';
import { ImageToVideo } from './filming.ts';
import type { ModelRequest } from './inputs.ts';
import { BackgroundChange, BackgroundRemove, ModelVariation, Reframe } from './retouching.ts';

// Facts: as in dialect.ts.

/** What each model takes. */
export const MODELS = new Map<string, z.ZodType<ModelRequest>>([
  ['tryon-v1.6', TryOn],
  ['tryon-max', TryOnMax],
  ['product-to-model', ProductToModel],
  ['model-swap', ModelSwap],
  ['image-to-video', ImageToVideo],
  ['model-create', ModelCreate],
  ['model-variation', ModelVariation],
  ['reframe', Reframe],
  ['background-change', BackgroundChange],
  ['background-remove', BackgroundRemove],
]);

/** FASHN's other models, and why there is no stand-in for them. */
export const UNSUPPORTED_MODELS = new Map([
  ['face-to-model', 'it cannot draw a body to a face'],
  ['edit', 'it cannot follow instructions'],
]);
