import type { Dialect } from '../dialect.ts';
import { fashn } from './fashn.ts';
import { fitinview } from './fitinview.ts';

/** Every provider that is simulated. A new one is one file and one line here. */
export const dialects: readonly Dialect[] = [fitinview, fashn];
