import { setBounded } from './bounded.ts';
import type { Submission } from './dialect.ts';
import { ImageLoadError, type ImageLoader } from './image-loader.ts';
import { dress } from './picture.ts';

const maxResults = 100_000;
/** Finished pictures kept; a 4K one is a few megabytes. */
const maxCachedRenders = 32;

export interface Gallery {
  /** Fetches the inputs; says what is wrong with them, or nothing when all of them are pictures. */
  findProblem(submission: Submission): Promise<string | undefined>;
  /** Makes a result known; it is drawn when it is first asked for. */
  add(resultId: string, submission: Submission): void;
  /** The result as PNG, or undefined when nobody added it. Throws ImageLoadError. */
  png(resultId: string): Promise<Buffer | undefined>;
  clear(): void;
}

/** Result pictures, drawn late and once per distinct combination of person, garments and size. */
export function createGallery(loader: ImageLoader): Gallery {
  const results = new Map<string, Submission>();
  const renders = new Map<string, Promise<Buffer>>();

  async function render(submission: Submission): Promise<Buffer> {
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
    async findProblem(submission) {
      try {
        await Promise.all(
          [submission.personImage, ...submission.garmentImages].map((source) =>
            loader.load(source),
          ),
        );
        return undefined;
      } catch (error) {
        if (error instanceof ImageLoadError) return error.message;
        throw error;
      }
    },
    add: (resultId, submission) => setBounded(results, resultId, submission, maxResults),
    async png(resultId) {
      const submission = results.get(resultId);
      return submission === undefined ? undefined : render(submission);
    },
    clear() {
      results.clear();
      renders.clear();
      loader.clear();
    },
  };
}
