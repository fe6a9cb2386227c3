import type { Dialect } from '../dialect.ts';
import { apixo } from './apixo.ts';
import { fal } from './fal.ts';
import { fashn } from './fashn.ts';
import { fitinview } from './fitinview.ts';
import { fitroom } from './fitroom.ts';
import { imageIntelligence } from './image-intelligence.ts';
import { replicate } from './replicate.ts';
import { segmind } from './segmind.ts';
import { tryonApi } from './tryon-api.ts';
import { vtryon } from './vtryon.ts';

/** Every provider that is simulated. A new one is one file and one line here. */
export const dialects: readonly Dialect[] = [
  fitinview,
  fashn,
  apixo,
  vtryon,
  imageIntelligence,
  fitroom,
  segmind,
  tryonApi,
  replicate,
  fal,
];
