import { createHash } from 'node:crypto';
import type { ImageInput, Submission } from '../contract/dialect.ts';
import { setBounded } from '../engine/bounded.ts';

/** Load tests send the same few pictures thousands of times. */
const maxPooledImages = 10_000;

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

/** Keeps one copy of each picture that came as bytes, for as long as anything still needs it. */
export interface ImagePool {
  pooled(image: Buffer): Buffer;
  /** The submission, holding pooled pictures. */
  poolSubmission(submission: Submission): Submission;
}

/** A pool that keeps nothing alive by itself. */
export function createImagePool(): ImagePool {
  const pool = new Map<string, WeakRef<Buffer>>();

  function pooled(image: Buffer): Buffer {
    const digest = identityOf(image);
    const known = pool.get(digest)?.deref();
    if (known) return known;
    setBounded(pool, digest, new WeakRef(image), maxPooledImages);
    return image;
  }

  const poolInput = (image: ImageInput): ImageInput =>
    typeof image === 'string' ? image : pooled(image);

  return {
    pooled,
    poolSubmission: (submission) => ({
      ...submission,
      ...(submission.personImage !== undefined && {
        personImage: poolInput(submission.personImage),
      }),
      garmentImages: submission.garmentImages.map(poolInput),
      ...(submission.inspectedImages && {
        inspectedImages: submission.inspectedImages.map(poolInput),
      }),
    }),
  };
}
