import type { Dialect } from '../contract/dialect.ts';
import { apixo } from './apixo/dialect.ts';
import { fal } from './fal/dialect.ts';
import { fashn } from './fashn/dialect.ts';
import { fitinview } from './fitinview/dialect.ts';
import { fitroom } from './fitroom/dialect.ts';
import { imageIntelligence } from './image-intelligence/dialect.ts';
import { replicate } from './replicate/dialect.ts';
import { segmind } from './segmind/dialect.ts';
import { tryonApi } from './tryon-api/dialect.ts';
import { vtryon } from './vtryon/dialect.ts';

/** Every provider that is simulated. A new one is one file and one line here. */
export const DIALECTS: readonly Dialect[] = [
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
