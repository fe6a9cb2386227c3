import { isUtf8 } from 'node:buffer';
import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { Retryable, Terminal } from '../generation/errors.ts';
import { fileTypeOf } from './file-type.ts';
import { AnswerTooLarge, createHttpClient, type HttpAnswer } from './http-client.ts';
import { createOutboundAgent } from './public-address.ts';
import { retryAfterMs } from './retry-after.ts';
import { createSilentHosts } from './silent-hosts.ts';
import { checkPublicUrl, type UrlPolicy } from './url-policy.ts';

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
   * time; a host that keeps silent is not waited for again and again. @throws Terminal
   * `image_unreadable` when it cannot be had; Retryable `image_unavailable` for passing trouble,
   * which ends as the former where the host keeps refusing.
   */
  load(url: string): Promise<LoadedImage>;
  close(): Promise<void>;
}

/** ASSUMPTION: no provider takes a larger picture, and a usable host sends one in this time. */
const LIMITS = { timeoutMs: 20_000, maxBodyBytes: 15 * 1024 * 1024 };
const MOST_REDIRECTS = 3;

/** No picture is worth more; then it is tried again, whatever its host asked for. */
const LONGEST_WAIT_MS = 3_600_000;

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
  /** Carries the calls in place of an outbound agent of its own, and stays open. */
  readonly dispatcher?: Dispatcher | undefined;
  /** For one picture, redirects and all. */
  readonly timeoutMs?: number | undefined;
  readonly maxBodyBytes?: number | undefined;
  /** Gives up every picture that is being loaded, and every later one. */
  readonly signal?: AbortSignal | undefined;
  /** As for `createHttpClient`. */
  readonly userAgent?: string | undefined;
  /** By which it is told that a host is silent, in ms; the process's own clock unless given. */
  readonly now?: (() => number) | undefined;
}

/** Loads pictures with connections of its own. Opens none before the first. */
export function createImageSource(options: ImageSourceOptions): ImageSource {
  const { timeoutMs = LIMITS.timeoutMs, maxBodyBytes = LIMITS.maxBodyBytes } = options;
  const agent = options.dispatcher ? undefined : createOutboundAgent(options);
  const http = createHttpClient({
    dispatcher: options.dispatcher ?? agent,
    timeoutMs,
    maxBodyBytes,
    signal: options.signal,
    userAgent: options.userAgent,
    accept: ACCEPT,
  });
  const hosts = createSilentHosts(options.now ?? (() => performance.now()));

  const ask = (url: string, signal: AbortSignal): Promise<HttpAnswer> =>
    http.request({ kind: 'safe-to-retry', method: 'GET', url, signal }).catch((error: unknown) => {
      throw verdict(error) ?? noAnswer(error);
    });

  async function load(url: string, signal: AbortSignal, redirects = 0): Promise<LoadedImage> {
    const problem = checkPublicUrl(url, options);
    if (problem) throw unreadable(`${redirects === 0 ? 'its URL' : 'a redirect'} ${problem}`);
    const answer = await hosts.unlessSilent(new URL(url).host, () => ask(url, signal));
    const location = asWritten(answer.headers.location);
    if (answer.status >= 300 && answer.status < 400 && location && redirects < MOST_REDIRECTS) {
      if (!URL.canParse(location, url)) throw unreadable('its host redirects to nowhere');
      return load(new URL(location, url).href, signal, redirects + 1);
    }
    if (!answer.ok) throw refused(answer);
    return picture(answer.body);
  }

  return {
    load: (url) => load(url, AbortSignal.timeout(timeoutMs)),
    close: async () => agent?.close(),
  };
}

/** Header values arrive as Latin-1; a host that leaves a path unescaped means UTF-8, as browsers do. */
function asWritten(location: string | undefined): string | undefined {
  const bytes = Buffer.from(location ?? '', 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : location;
}

function picture(bytes: Buffer): LoadedImage {
  const type = fileTypeOf(bytes);
  if (!type || !TAKEN.has(type.type)) throw unreadable('it is no PNG, JPEG, WebP or GIF');
  return { bytes, contentType: type.type, fileName: `image.${type.extension}` };
}

/**
 * Hosts that guard themselves refuse a picture with 403 or 429 and give it a minute later; 408 and
 * 425 say so themselves. What else is not 5xx is the host's word on this very URL.
 */
function refused({ status, headers }: HttpAnswer): Retryable | Terminal {
  const mayPass = [403, 408, 425, 429].includes(status) || status >= 500;
  if (!mayPass) return unreadable(`its host answered ${status}`);
  const asked = retryAfterMs(headers['retry-after'], Date.now());
  return new Retryable('image_unavailable', `An image's host answered ${status}`, {
    retryAfterMs: asked && Math.min(asked, LONGEST_WAIT_MS),
    ifItLasts: unreadable(`its host keeps answering ${status}`),
  });
}

/** The failures that no second try mends; undefined for passing trouble. */
function verdict(error: unknown): Terminal | undefined {
  if (error instanceof Terminal) return unreadable('its host is not public');
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AnswerTooLarge) return unreadable('it is too large');
  const isUnknown = cause instanceof Error && 'code' in cause && cause.code === 'ENOTFOUND';
  return isUnknown ? unreadable('its host does not exist') : undefined;
}

/** Perhaps it is our own network: told apart from the provider's trouble, and waited out as that is. */
function noAnswer(cause: unknown): Retryable {
  return new Retryable('image_unavailable', "An image's host does not answer", { cause });
}

/** Our own finding, in words that do not blame the provider, who was not asked. */
function unreadable(why: string): Terminal {
  return new Terminal('image_unreadable', `Catwalk could not load an image: ${why}.`);
}
