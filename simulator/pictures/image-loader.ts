import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import QuickLRU from 'quick-lru';
import type { ImageInput } from '../contract/picture.ts';
import { withoutDirectives } from '../scenarios/directives.ts';
import { identityOf } from './image-identity.ts';
import { assertPicture, download, ImageLoadError, readDataUri } from './read-image.ts';

/** Kept at least, and at most twice as many: load tests name the same few pictures over and over. */
const MAX_CACHED_IMAGES = 32;
/** File names that may be served from, or read in, the assets folder: flat, and pictures only. */
export const ASSET_NAME_PATTERN = /^[\w-]+(?:\.[\w-]+)*\.(?:png|jpe?g|webp)$/i;

/** A picture that was fetched and can be read. */
export interface LoadedImage {
  bytes: Buffer;
  /** Same digest, same picture, whatever it was called. */
  digest: string;
}

/** Fetches inputs, each once while it is remembered. */
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
  const cache = new QuickLRU<string, Promise<LoadedImage>>({ maxSize: MAX_CACHED_IMAGES });

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
    const bytes = withoutDirectives(await read(source));
    await assertPicture(bytes);
    return { bytes, digest: createHash('sha256').update(bytes).digest('hex') };
  }

  return {
    load(source) {
      const key = cacheKey(source, options.assetsUrl());
      const cached = cache.get(key);
      if (cached) return cached;
      const loading = loadOnce(source);
      cache.set(key, loading);
      // A picture that could not be loaded may be there next time.
      loading.catch(() => cache.delete(key));
      return loading;
    },
    clear: () => cache.clear(),
  };
}

/** What is asked of the simulator does not make a new picture of the same one. */
function cacheKey(source: ImageInput, assetsUrl: string): string {
  if (typeof source !== 'string') return identityOf(withoutDirectives(source));
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
  return ASSET_NAME_PATTERN.test(name) ? name : undefined;
}
