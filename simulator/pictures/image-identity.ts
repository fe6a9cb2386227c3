import { createHash } from 'node:crypto';
import type { ImageInput } from '../contract/picture.ts';
import type { Submission } from '../contract/submission.ts';

/** A picture of a few megabytes is hashed once, not at every question about it. */
const digests = new WeakMap<Buffer, string>();

/** A short text that two inputs share when they are the same URL or have the same bytes. */
export function identityOf(image: ImageInput): string {
  if (typeof image === 'string') return image;
  const known = digests.get(image);
  if (known !== undefined) return known;
  const digest = `sha256:${createHash('sha256').update(image).digest('hex')}`;
  digests.set(image, digest);
  return digest;
}

/** What was asked for, as one short string; the same inputs always give the same one. */
export function fingerprintOf(submission: Submission): string {
  const { personImage, garmentImages, inspectedImages = [], outputSize, resultCount } = submission;
  const wanted = [
    personImage === undefined ? null : identityOf(personImage),
    garmentImages.map(identityOf),
    inspectedImages.map(identityOf),
    outputSize,
    resultCount,
  ];
  return createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 32);
}
