import { z } from 'zod';
import type { Refusal } from '../contract/refusal.ts';

/** An address that can be fetched, or told. */
export const HttpUrl = z.url({ protocol: /^https?$/ });

const DATA_URI = /^data:image\/[\w.+-]+;base64,/;

/** Whether a text is a picture's address or, as a data URI, the picture itself. */
export function isPicture(text: string): boolean {
  return DATA_URI.test(text) || HttpUrl.safeParse(text).success;
}

/** The refusal of a request that is wrong, in one sentence or in the schema's words. */
export function invalid(problem: string | z.ZodError): Refusal {
  const message = typeof problem === 'string' ? problem : z.prettifyError(problem);
  return { reason: 'invalid', message };
}
