import { shownUnkept } from '../../src/generation/kept-result.ts';
import type { BeforeTelling } from '../../src/workers/engine/before-telling.ts';

/** As where there is no vault. */
export const tellAtOnce: BeforeTelling = async (finished) =>
  finished.map((generation) => ({ generation, results: shownUnkept(generation) }));
