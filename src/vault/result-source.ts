import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { type Dispatcher, request } from 'undici';
import { Terminal } from '../generation/errors.ts';
import type { InKeptState } from '../generation/kept-result.ts';
import { checkPublicUrl, type UrlPolicy } from '../outbound/url-policy.ts';
import { NotKept } from './not-kept.ts';

/** A result that begins to come. Nothing of it has been judged. */
export interface Coming {
  readonly body: Readable;
  /** What its host says that it is. */
  readonly claimedType: string | undefined;
  /** How long its host says that it is. */
  readonly claimedBytes: number | undefined;
}

export type OpenResult = (pending: InKeptState<'pending'>, signal: AbortSignal) => Promise<Coming>;

const MOST_REDIRECTS = 3;
/** Signed links are long; providers/wire-values.ts takes none that is longer. */
const MAX_LINK = 8_192;
/** A host that begins an answer and sends nothing for so long has stopped. */
const SILENCE_MS = 15_000;

/**
 * Opens results: our own files where they lie, all others through an agent that refuses addresses
 * which are not public, redirects included. The answer must be the bytes themselves: nothing here
 * inflates. @throws NotKept
 */
export function createResultSource(options: {
  /** Refuses private addresses where the settings do. */
  dispatcher: Dispatcher;
  policy: UrlPolicy;
  filesFolder: string;
  userAgent: string;
}): OpenResult {
  const policy = { ...options.policy, maxLength: MAX_LINK };
  const headers = { 'user-agent': options.userAgent, accept: '*/*', 'accept-encoding': 'identity' };

  async function ask(url: string, signal: AbortSignal, redirects: number): Promise<Coming> {
    const problem = checkPublicUrl(url, policy);
    const what = redirects === 0 ? 'the link' : 'a redirect';
    if (problem) throw new NotKept('link_not_allowed', `${what} ${problem}`);
    const answer = await request(url, {
      ...{ method: 'GET', headers, signal, dispatcher: options.dispatcher },
      ...{ headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS },
    }).catch((error: unknown) => {
      throw unanswered(error);
    });
    if (answer.statusCode === 200 && isPlain(answer.headers['content-encoding'])) {
      return coming(answer);
    }
    letGo(answer.body);
    const location = [answer.headers['location']].flat()[0];
    const isRedirect = answer.statusCode >= 300 && answer.statusCode < 400 && location;
    if (isRedirect && redirects < MOST_REDIRECTS && URL.canParse(location, url)) {
      return ask(new URL(location, url).href, signal, redirects + 1);
    }
    throw new NotKept(`link_answered_${answer.statusCode}`, 'the link does not answer the file');
  }

  return async (pending, signal) => {
    if (!pending.ownFile) return ask(pending.url, signal, 0);
    return ownFile(join(resolve(options.filesFolder), pending.ownFile), signal);
  };
}

async function ownFile(path: string, signal: AbortSignal): Promise<Coming> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new NotKept('link_answered_404', 'our own file is not there', { cause });
  });
  const body = createReadStream(path, { signal });
  return { body, claimedType: undefined, claimedBytes: found.size };
}

function coming({ body, headers }: Dispatcher.ResponseData): Coming {
  const [type] = [headers['content-type']].flat();
  const [length] = [headers['content-length']].flat();
  const isLength = length !== undefined && /^\d{1,15}$/.test(length);
  return { body, claimedType: type, claimedBytes: isLength ? Number(length) : undefined };
}

/** Although identity was asked for. */
function isPlain(encoding: string | string[] | undefined): boolean {
  return /^(identity)?$/i.test([encoding].flat()[0]?.trim() ?? '');
}

/** A body that nobody reads keeps its connection, for as long as it comes. */
function letGo(body: Readable): void {
  body.on('error', () => {});
  body.destroy();
}

function unanswered(error: unknown): NotKept {
  if (error instanceof NotKept) return error;
  const causes = [error, error instanceof Error ? error.cause : undefined];
  const isPrivate = causes.some((one) => one instanceof Terminal);
  if (isPrivate) return new NotKept('link_not_allowed', 'its host is not public', { cause: error });
  return new NotKept('link_unreachable', 'its host does not answer', { cause: error });
}
