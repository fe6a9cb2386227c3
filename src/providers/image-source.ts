import type { LookupFunction } from 'node:net';
import { Retryable, Terminal } from '../generation/errors.ts';
import { checkPublicUrl, type UrlPolicy } from '../generation/image-url.ts';
import { fileTypeOf } from './file-type.ts';
import { AnswerTooLarge, createHttpClient } from './http-client.ts';
import { createOutboundAgent } from './public-address.ts';
import { explain } from './reasons.ts';

/** A picture of the app's, loaded for a provider that takes bytes only. */
export interface LoadedImage {
  readonly bytes: Buffer;
  /** By its content, not by its header. */
  readonly contentType: string;
  /** A made-up file name with the right ending; the caller's own names stay private. */
  readonly fileName: string;
}

export interface ImageSource {
  /**
   * Loads a picture from the app's URL. Public addresses only, a few redirects, bounded in size and
   * time. @throws Terminal `image_unreadable` when it cannot be had; Retryable for passing trouble.
   */
  load(url: string): Promise<LoadedImage>;
  close(): Promise<void>;
}

/** ASSUMPTION: no provider takes a larger picture, and a usable host sends one in this time. */
const LIMITS = { timeoutMs: 20_000, maxBodyBytes: 15 * 1024 * 1024 };
const MOST_REDIRECTS = 3;

/** ASSUMPTION: what every provider of bytes reads; AVIF and HEIC are named by none of them. */
const TAKEN: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif']);

/**
 * No picture type but those that are taken: many hosts choose by this header, and would send AVIF to
 * whoever takes anything. What sends by no header at all is not to be turned away by it.
 */
const ACCEPT = `${[...TAKEN].join(', ')}, */*;q=0.1`;

export interface ImageSourceOptions extends UrlPolicy {
  /** How names are resolved; Node's own lookup unless given. */
  readonly lookup?: LookupFunction | undefined;
  /** For one picture, redirects and all. */
  readonly timeoutMs?: number | undefined;
  readonly maxBodyBytes?: number | undefined;
  /** Gives up every picture that is being loaded, and every later one. */
  readonly signal?: AbortSignal | undefined;
  /** As for `createHttpClient`. */
  readonly userAgent?: string | undefined;
}

/** Loads pictures with connections of its own. Opens none before the first. */
export function createImageSource(options: ImageSourceOptions): ImageSource {
  const { timeoutMs = LIMITS.timeoutMs, maxBodyBytes = LIMITS.maxBodyBytes } = options;
  const agent = createOutboundAgent(options);
  const http = createHttpClient({
    dispatcher: agent,
    timeoutMs,
    maxBodyBytes,
    signal: options.signal,
    userAgent: options.userAgent,
    accept: ACCEPT,
  });

  async function load(url: string, signal: AbortSignal, redirects = 0): Promise<LoadedImage> {
    const problem = checkPublicUrl(url, options);
    if (problem) throw unreadable(`its URL ${problem}`);
    const answer = await http
      .request({ kind: 'read', method: 'GET', url, signal })
      .catch((error: unknown) => {
        throw verdict(error) ?? notNow('does not answer', error);
      });
    const { location } = answer.headers;
    if (answer.status >= 300 && answer.status < 400 && location && redirects < MOST_REDIRECTS) {
      if (!URL.canParse(location, url)) throw unreadable('its host redirects to nowhere');
      return load(new URL(location, url).href, signal, redirects + 1);
    }
    if (answer.status === 429 || answer.status >= 500) {
      throw notNow(`answered ${answer.status}`);
    }
    if (!answer.ok) throw unreadable(`its host answered ${answer.status}`);
    const type = fileTypeOf(answer.body);
    if (!type || !TAKEN.has(type.type)) throw unreadable('it is no PNG, JPEG, WebP or GIF');
    return {
      bytes: answer.body,
      contentType: type.type,
      fileName: `image.${type.extension}`,
    };
  }

  return {
    load: (url) => load(url, AbortSignal.timeout(timeoutMs)),
    close: () => agent.close(),
  };
}

/** The failures that no second try mends; undefined for passing trouble. */
function verdict(error: unknown): Terminal | undefined {
  if (error instanceof Terminal) return unreadable('its host is not public');
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AnswerTooLarge) return unreadable('it is too large');
  const isUnknown = cause instanceof Error && 'code' in cause && cause.code === 'ENOTFOUND';
  return isUnknown ? unreadable('its host does not exist') : undefined;
}

/** Told apart from trouble of the provider's own. */
function notNow(why: string, cause?: unknown): Retryable {
  return new Retryable('image_unavailable', `An image's host ${why}`, { cause });
}

function unreadable(why: string): Terminal {
  return new Terminal('image_unreadable', explain('image_unreadable', why).message);
}
