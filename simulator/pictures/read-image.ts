import sharp from 'sharp';
import { fetch } from 'undici';
import type { ImageProblem } from '../contract/picture.ts';

const MAX_IMAGE_BYTES = 20 * 1024 * 1024;

const MAX_IMAGE_PIXELS = 50_000_000;

const LOAD_TIMEOUT_MS = 10_000;

const READABLE_FORMATS = new Set(['png', 'jpeg', 'webp', 'avif', 'heif', 'gif']);

/** An input that could not be fetched or is not a picture. The message names no URL. */
export class ImageLoadError extends Error {
  override name = 'ImageLoadError';
  readonly kind: ImageProblem['kind'];

  constructor(kind: ImageProblem['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The bytes of a `data:` URI. Throws ImageLoadError. */
export function readDataUri(source: string): Buffer {
  const [, base64] = /^data:image\/[\w.+-]+;base64,(.+)$/s.exec(source) ?? [];
  if (base64 === undefined) {
    throw new ImageLoadError('unreadable', 'The data URI is not a base64 image.');
  }
  return Buffer.from(base64, 'base64');
}

/** Fetches a picture, within limits of time and size. Throws ImageLoadError. */
export async function download(url: URL): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LOAD_TIMEOUT_MS) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new ImageLoadError('unreachable', `The image server answered ${response.status}.`);
    }
    const chunks: Uint8Array[] = [];
    let byteCount = 0;
    for await (const chunk of response.body) {
      byteCount += chunk.byteLength;
      if (byteCount > MAX_IMAGE_BYTES) {
        throw new ImageLoadError('unreadable', 'The image is too large.');
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    if (cause instanceof ImageLoadError) throw cause;
    throw new ImageLoadError('unreachable', 'The image could not be fetched.', { cause });
  }
}

/** Throws ImageLoadError unless the bytes are a picture of a bearable size. */
export async function assertPicture(bytes: Buffer): Promise<void> {
  const metadata = await sharp(bytes, { limitInputPixels: MAX_IMAGE_PIXELS })
    .metadata()
    .catch((cause: unknown) => {
      throw new ImageLoadError('unreadable', 'The file is not a readable image.', { cause });
    });
  // SVG is left out on purpose: it can name other files.
  if (!READABLE_FORMATS.has(metadata.format)) {
    throw new ImageLoadError('unreadable', 'The file is not a readable image.');
  }
  if (metadata.width * metadata.height > MAX_IMAGE_PIXELS) {
    throw new ImageLoadError('unreadable', 'The image has too many pixels.');
  }
}
