import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { fetch } from 'undici';
import type { ImageInput, ImageProblem } from '../contract/dialect.ts';
import { setBounded } from '../engine/bounded.ts';
import { identityOf } from './image-identity.ts';

const maxImageBytes = 20 * 1024 * 1024;
const maxImagePixels = 50_000_000;
const loadTimeoutMs = 10_000;
/** Load tests name the same few pictures thousands of times. */
const maxCachedImages = 64;
const readableFormats = new Set(['png', 'jpeg', 'webp', 'avif', 'heif', 'gif']);

/** File names that may be served from, or read in, the assets folder: flat, and pictures only. */
export const assetNamePattern = /^[\w-]+(?:\.[\w-]+)*\.(?:png|jpe?g|webp)$/i;

export interface LoadedImage {
  bytes: Buffer;
  /** Same digest, same picture, whatever it was called. */
  digest: string;
}

/** An input that could not be fetched or is not a picture. The message names no URL. */
export class ImageLoadError extends Error {
  override name = 'ImageLoadError';
  readonly kind: ImageProblem['kind'];

  constructor(kind: ImageProblem['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export interface ImageLoader {
  /** Fetches and checks one input. Throws ImageLoadError. */
  load(source: ImageInput): Promise<LoadedImage>;
  clear(): void;
}

/**
 * Loads inputs by http(s) URL, `data:` URI or as they are, bounded in time, bytes and pixels. The simulator's
 * own assets are read from disk: a load test would otherwise spend half its time on loopback.
 */
export function createImageLoader(options: {
  assetsDir: string;
  assetsUrl: () => string;
}): ImageLoader {
  const cache = new Map<string, Promise<LoadedImage>>();

  async function read(source: ImageInput): Promise<Buffer> {
    if (typeof source !== 'string') return source;
    if (source.startsWith('data:')) return readDataUri(source);
    const url = parseHttpUrl(source);
    const assetName = assetNameIn(url, options.assetsUrl());
    if (assetName === undefined) return download(url);
    return readFile(path.join(options.assetsDir, assetName)).catch((cause: unknown) => {
      throw new ImageLoadError('unreachable', 'The image server answered 404.', { cause });
    });
  }

  async function loadOnce(source: ImageInput): Promise<LoadedImage> {
    const bytes = await read(source);
    await assertPicture(bytes);
    return { bytes, digest: createHash('sha256').update(bytes).digest('hex') };
  }

  return {
    load(source) {
      const key = cacheKey(source, options.assetsUrl());
      const cached = cache.get(key);
      if (cached) return cached;
      const loading = loadOnce(source);
      setBounded(cache, key, loading, maxCachedImages);
      // A picture that could not be loaded may be there next time.
      loading.catch(() => cache.delete(key));
      return loading;
    },
    clear: () => cache.clear(),
  };
}

/** Own assets ignore the query, so that `?simulate=…` does not make a new picture of them. */
function cacheKey(source: ImageInput, assetsUrl: string): string {
  if (typeof source !== 'string') return identityOf(source);
  return source.startsWith(assetsUrl) ? (source.split('?')[0] ?? source) : source;
}

function parseHttpUrl(source: string): URL {
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new ImageLoadError('unreachable', 'The image is neither an http(s) URL nor a data URI.');
}

function assetNameIn(url: URL, assetsUrl: string): string | undefined {
  const address = `${url.origin}${url.pathname}`;
  if (!address.startsWith(assetsUrl)) return undefined;
  const name = address.slice(assetsUrl.length);
  return assetNamePattern.test(name) ? name : undefined;
}

function readDataUri(source: string): Buffer {
  const [, base64] = /^data:image\/[\w.+-]+;base64,(.+)$/s.exec(source) ?? [];
  if (base64 === undefined) {
    throw new ImageLoadError('unreadable', 'The data URI is not a base64 image.');
  }
  return Buffer.from(base64, 'base64');
}

async function download(url: URL): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(loadTimeoutMs) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new ImageLoadError('unreachable', `The image server answered ${response.status}.`);
    }
    const chunks: Uint8Array[] = [];
    let byteCount = 0;
    for await (const chunk of response.body) {
      byteCount += chunk.byteLength;
      if (byteCount > maxImageBytes) {
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

async function assertPicture(bytes: Buffer): Promise<void> {
  const metadata = await sharp(bytes, { limitInputPixels: maxImagePixels })
    .metadata()
    .catch((cause: unknown) => {
      throw new ImageLoadError('unreadable', 'The file is not a readable image.', { cause });
    });
  // SVG is left out on purpose: it can name other files.
  if (!readableFormats.has(metadata.format)) {
    throw new ImageLoadError('unreadable', 'The file is not a readable image.');
  }
  if (metadata.width * metadata.height > maxImagePixels) {
    throw new ImageLoadError('unreadable', 'The image has too many pixels.');
  }
}
