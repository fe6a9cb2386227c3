import { FashnTryOn, fashnTryOnInput } from '../fashn-try-on.ts';
import type { Model } from '../provider.ts';

/** A model, by its name in the address, and how its input is said to fal. */
export interface FalModel extends Model {
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
}

export const MODELS: Readonly<Record<string, FalModel>> = {
  'fal-ai/fashn/tryon/v1.6': {
    type: 'image-fast',
    about: 'Dresses a person in one garment (FASHN v1.6).',
    price: '0.075 USD per picture',
    input: FashnTryOn,
    // "Queue": the SDK asks twice a second. Slower here, and patient: fal retries by itself.
    poll: {
      firstAfterMs: 2_000,
      everyMs: 1_500,
      factor: 1.5,
      longestMs: 5_000,
      giveUpAfterMs: 300_000,
    },
    wireInput: fashnTryOnInput,
  },
};
