import { createHash } from 'node:crypto';
import type { ImageInput } from '../../contract/picture.ts';
import { identityOf } from '../../pictures/image-identity.ts';

// Facts: as in dialect.ts.

/** One image of a job: what it is, what was sent for it, and how it came out. */
export interface JobImage {
  shown: Readonly<Record<string, unknown>>;
  input: ImageInput;
  status: string | undefined;
}

/** What is said of an image in which everything worked. */
export const GOOD = 'COMPLETED_SUCCESSFULLY';

/** The same image and class always get the same number, between 0 and 1. */
function confidenceOf(image: ImageInput, className: string): number {
  const digest = createHash('sha256')
    .update(`${identityOf(image)} ${className}`)
    .digest();
  return digest.readUInt16BE(0) / 0xffff;
}

/** Whether it is certain that the class is there. ASSUMPTION: where the line is. */
function isCertain(confidence: number): boolean {
  return confidence >= 0.5;
}

/** What is found in one image, which is nothing where the image could not be looked at. */
export function objectsIn({ input, status }: JobImage, classes: readonly { class: string }[]) {
  if (status !== GOOD) return [];
  return classes.map(({ class: name }) => {
    const confidence = confidenceOf(input, name);
    return { class: name, confidence, verdict: isCertain(confidence) };
  });
}

/** The good image in which the class is surest, if one is sure enough. */
export function bestImage(images: readonly JobImage[], name: string) {
  const [best] = images
    .filter(({ status }) => status === GOOD)
    .map(({ shown, input }) => ({ shown, confidence: confidenceOf(input, name) }))
    .sort((one, other) => other.confidence - one.confidence);
  return best && isCertain(best.confidence) ? best : undefined;
}
