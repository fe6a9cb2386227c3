import type { Request } from 'express';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { invalid } from '../inputs.ts';
import { readForm } from '../multipart.ts';

// Facts: as in dialect.ts.

const CLOTH_TYPES = ['upper', 'lower', 'full_set', 'combo'];

/** Output goes up to 2048 px. ASSUMPTION: only in HD mode. */
const SIZES_PX = { normal: 1024, hd: 2048 };

/** Reads the form of a try-on; a combo has two garments. */
export async function readSubmission(request: Request): Promise<Submission | Refusal> {
  const form = await readForm(request);
  if (!form) return invalid('The body must be multipart/form-data.');
  const person = form.onlyFile('model_image');
  if (!person) return invalid('model_image must be one file.');
  const cloth = form.onlyFile('cloth_image');
  if (!cloth) return invalid('cloth_image must be one file.');
  const clothType = form.text('cloth_type') ?? '';
  // The pre-checks say `full` where the tasks say `full_set`.
  if (!CLOTH_TYPES.includes(clothType)) {
    return invalid(`cloth_type must be one of ${CLOTH_TYPES.join(', ')}.`);
  }
  const lower = form.onlyFile('lower_cloth_image');
  if (clothType === 'combo' && !lower) return invalid('lower_cloth_image must be one file.');
  const px = form.text('hd_mode') === 'true' ? SIZES_PX.hd : SIZES_PX.normal;
  return {
    personImage: person,
    // The lower garment first, so that the upper one lies over it.
    garmentImages: clothType === 'combo' && lower ? [lower, cloth] : [cloth],
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    resultCount: 1,
    creditCost: 1, // ASSUMPTION: prices are not published.
    notes: {},
  };
}
