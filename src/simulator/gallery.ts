import { setBounded } from './bounded.ts';
import type { ImageInput, ImageProblem, Submission } from './dialect.ts';
import { ImageLoadError, type ImageLoader } from './image-loader.ts';
import { dress } from './picture.ts';

const maxResults = 100_000;
/** Finished pictures kept; a 4K one is a few megabytes. */
const maxCachedRenders = 32;

export interface Gallery {
  /** Fetches the images; says for each what is wrong with it, or nothing when it is a picture. */
  inspect(images: readonly ImageInput[]): Promise<(ImageProblem | undefined)[]>;
  /** Makes a result known; it is drawn when it is first asked for. */
  add(resultId: string, submission: Submission): void;
  /** The result as PNG, or undefined when nobody added it. Throws ImageLoadError. */
  png(resultId: string): Promise<Buffer | undefined>;
  /** Makes the link to a result a dead one; the picture itself stays. */
  expire(resultId: string): void;
  isExpired(resultId: string): boolean;
  clear(): void;
}

/** Result pictures, drawn late and once per distinct combination of person, garments and size. */
export function createGallery(loader: ImageLoader): Gallery {
  const results = new Map<string, Submission>();
  const renders = new Map<string, Promise<Buffer>>();
  const expired = new Map<string, true>();

  async function problemWith(image: ImageInput): Promise<ImageProblem | undefined> {
    try {
      await loader.load(image);
      return undefined;
    } catch (error) {
      if (error instanceof ImageLoadError) return { kind: error.kind, message: error.message };
      throw error;
    }
  }

  async function render(submission: Submission): Promise<Buffer | undefined> {
    if (submission.personImage === undefined) return undefined;
    const [person, garments] = await Promise.all([
      loader.load(submission.personImage),
      Promise.all(submission.garmentImages.map((source) => loader.load(source))),
    ]);
    const { outputSize } = submission;
    const key = [person, ...garments]
      .map((image) => image.digest)
      .concat(`${outputSize.widthPx}x${outputSize.heightPx} ${outputSize.fit}`)
      .join(' ');
    const drawing =
      renders.get(key) ??
      dress(
        person.bytes,
        garments.map((garment) => garment.bytes),
        outputSize,
      );
    setBounded(renders, key, drawing, maxCachedRenders);
    drawing.catch(() => renders.delete(key));
    return drawing;
  }

  return {
    inspect: (images) => Promise.all(images.map(problemWith)),
    add: (resultId, submission) => setBounded(results, resultId, submission, maxResults),
    async png(resultId) {
      const submission = results.get(resultId);
      return submission === undefined ? undefined : render(submission);
    },
    expire: (resultId) => setBounded(expired, resultId, true, maxResults),
    isExpired: (resultId) => expired.has(resultId),
    clear() {
      results.clear();
      expired.clear();
      renders.clear();
      loader.clear();
    },
  };
}
