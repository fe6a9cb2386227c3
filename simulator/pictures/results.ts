import QuickLRU from 'quick-lru';
import type { ImageInput, ImageProblem, PictureFormat } from '../contract/picture.ts';
import type { Submission } from '../contract/submission.ts';
import { draw } from './drawing.ts';
import { dress, savedAs } from './dressing.ts';
import { film } from './filming.ts';
import type { ImageLoader, LoadedImage } from './image-loader.ts';
import { ImageLoadError } from './read-image.ts';

const MAX_RESULTS = 100_000;
/** Finished pictures kept, at least, and at most twice as many; a 4K one is a few megabytes. */
const MAX_CACHED_RENDERS = 64;

/** The result pictures of all providers, by id. */
export interface Results {
  /** Fetches the images; says for each what is wrong with it, or nothing when it is a picture. */
  inspect(images: readonly ImageInput[]): Promise<(ImageProblem | undefined)[]>;
  /** Makes a result known; it is drawn when it is first asked for. */
  add(resultId: string, submission: Submission): void;
  /** The result in its own format, or undefined when nobody added it. Throws ImageLoadError. */
  picture(resultId: string): Promise<Buffer | undefined>;
  /** What the result is saved as, or undefined when nobody added it. */
  formatOf(resultId: string): PictureFormat | undefined;
  /** Makes the link to a result a dead one, at once or then (Unix ms); the picture itself stays. */
  expire(resultId: string, atMs?: number): void;
  isExpired(resultId: string): boolean;
  clear(): void;
}

/** Result pictures, drawn late and once per distinct combination of person, garments and size. */
export function createResults(loader: ImageLoader): Results {
  const results = new QuickLRU<string, Submission>({ maxSize: MAX_RESULTS });
  const renders = new QuickLRU<string, Promise<Buffer>>({ maxSize: MAX_CACHED_RENDERS });
  const expired = new QuickLRU<string, number>({ maxSize: MAX_RESULTS });

  async function picture(submission: Submission): Promise<Buffer | undefined> {
    if (submission.personImage === undefined) return undefined;
    const [person, garments] = await Promise.all([
      loader.load(submission.personImage),
      Promise.all(submission.garmentImages.map((source) => loader.load(source))),
    ]);
    const key = renderKey(submission, [person, ...garments]);
    const known = renders.get(key);
    if (known) return known;
    const making = render(submission, person, garments);
    renders.set(key, making);
    making.catch(() => renders.delete(key));
    return making;
  }

  return {
    inspect: (images) => Promise.all(images.map((image) => problemWith(loader, image))),
    add: (resultId, submission) => void results.set(resultId, submission),
    async picture(resultId) {
      const submission = results.get(resultId);
      return submission && picture(submission);
    },
    formatOf(resultId) {
      const submission = results.get(resultId);
      return submission && (submission.outputFormat ?? 'png');
    },
    expire: (resultId, atMs = 0) => void expired.set(resultId, atMs),
    isExpired: (resultId) => (expired.get(resultId) ?? Number.POSITIVE_INFINITY) <= Date.now(),
    clear() {
      results.clear();
      expired.clear();
      renders.clear();
      loader.clear();
    },
  };
}

async function problemWith(
  loader: ImageLoader,
  image: ImageInput,
): Promise<ImageProblem | undefined> {
  try {
    await loader.load(image);
    return undefined;
  } catch (error) {
    if (error instanceof ImageLoadError) return { kind: error.kind, message: error.message };
    throw error;
  }
}

/** The same pictures, made into the same thing. */
function renderKey(submission: Submission, images: readonly LoadedImage[]): string {
  const { outputSize, drawing, outputFormat } = submission;
  const how = JSON.stringify([outputSize, drawing, outputFormat]);
  return [...images.map((image) => image.digest), how].join(' ');
}

async function render(
  { drawing, outputSize, outputFormat = 'png' }: Submission,
  person: LoadedImage,
  garments: readonly LoadedImage[],
): Promise<Buffer> {
  const clothes = garments.map((garment) => garment.bytes);
  if (drawing?.kind === 'film') {
    return film({ begin: person.bytes, end: clothes[0] }, outputSize, drawing.seconds);
  }
  const png = drawing
    ? await draw(drawing, person.bytes, outputSize)
    : await dress(person.bytes, clothes, outputSize);
  // Only a film is an MP4.
  return savedAs(outputFormat === 'mp4' ? 'png' : outputFormat, png);
}
