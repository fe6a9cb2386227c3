import type { ImageInput, ImageProblem, PictureFormat, Submission } from '../contract/dialect.ts';
import { setBounded } from '../engine/bounded.ts';
import { draw } from './drawing.ts';
import { dress, savedAs } from './dressing.ts';
import { ImageLoadError, type ImageLoader } from './image-loader.ts';

const maxResults = 100_000;
/** Finished pictures kept; a 4K one is a few megabytes. */
const maxCachedRenders = 32;

export interface Gallery {
  /** Fetches the images; says for each what is wrong with it, or nothing when it is a picture. */
  inspect(images: readonly ImageInput[]): Promise<(ImageProblem | undefined)[]>;
  /** Makes a result known; it is drawn when it is first asked for. */
  add(resultId: string, submission: Submission): void;
  /** The result in its own format, or undefined when nobody added it. Throws ImageLoadError. */
  picture(resultId: string): Promise<Buffer | undefined>;
  /** What the result is saved as, or undefined when nobody added it. */
  formatOf(resultId: string): PictureFormat | undefined;
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
    const { outputSize, drawing, outputFormat = 'png' } = submission;
    const key = [person, ...garments]
      .map((image) => image.digest)
      .concat(JSON.stringify([outputSize, drawing, outputFormat]))
      .join(' ');
    const make = async (): Promise<Buffer> => {
      const clothes = garments.map((garment) => garment.bytes);
      const png = drawing
        ? await draw(drawing, person.bytes, outputSize)
        : await dress(person.bytes, clothes, outputSize);
      return savedAs(outputFormat, png);
    };
    const making = renders.get(key) ?? make();
    setBounded(renders, key, making, maxCachedRenders);
    making.catch(() => renders.delete(key));
    return making;
  }

  return {
    inspect: (images) => Promise.all(images.map(problemWith)),
    add: (resultId, submission) => setBounded(results, resultId, submission, maxResults),
    async picture(resultId) {
      const submission = results.get(resultId);
      return submission === undefined ? undefined : render(submission);
    },
    formatOf(resultId) {
      const submission = results.get(resultId);
      return submission && (submission.outputFormat ?? 'png');
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
