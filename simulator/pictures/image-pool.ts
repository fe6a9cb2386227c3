import QuickLRU from 'quick-lru';
import type { ImageInput } from '../contract/picture.ts';
import type { Submission } from '../contract/submission.ts';
import { identityOf } from './image-identity.ts';

/** Load tests send the same few pictures thousands of times. */
const MAX_POOLED_IMAGES = 10_000;

/** Keeps one copy of each picture that came as bytes, for as long as anything still needs it. */
export interface ImagePool {
  pooled(image: Buffer): Buffer;
  /** The submission, holding pooled pictures. */
  poolSubmission(submission: Submission): Submission;
}

/** A pool that keeps nothing alive by itself. */
export function createImagePool(): ImagePool {
  const pool = new QuickLRU<string, WeakRef<Buffer>>({ maxSize: MAX_POOLED_IMAGES });

  function pooled(image: Buffer): Buffer {
    const digest = identityOf(image);
    const known = pool.get(digest)?.deref();
    if (known) return known;
    pool.set(digest, new WeakRef(image));
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
