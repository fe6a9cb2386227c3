import type { Request } from 'express';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { HttpUrl, invalid } from '../inputs.ts';
import { readForm } from '../multipart.ts';

// Facts: as in dialect.ts.

/** ASSUMPTION: the size of a result. */
const OUTPUT_SIZE = { widthPx: 1024, heightPx: 1024, fit: 'inside' } as const;

/** Reads the form of a try-on. */
export async function readSubmission(
  request: Request,
  provider: Provider,
): Promise<Submission | Refusal> {
  const form = await readForm(request);
  if (!form) return invalid('The body must be multipart/form-data.');
  // The names are plural, and yet exactly one file is taken under each. URLs are refused.
  const person = form.onlyFile('person_images');
  if (!person) return invalid('person_images must be exactly one file.');
  const garment = form.onlyFile('garment_images');
  if (!garment) return invalid('garment_images must be exactly one file.');
  // ASSUMPTION, opted into by a switch: a webhook is registered per request, in a form field.
  const takesCallback = provider.chosen('callback') === 'callback_url';
  const callbackUrl = takesCallback ? form.text('callback_url') : undefined;
  if (callbackUrl !== undefined && !HttpUrl.safeParse(callbackUrl).success) {
    return invalid('callback_url must be a URL.');
  }
  return {
    personImage: person,
    garmentImages: [garment],
    outputSize: OUTPUT_SIZE,
    resultCount: 1,
    creditCost: 1,
    ...(callbackUrl !== undefined && { webhookUrl: callbackUrl }),
    notes: {},
  };
}
