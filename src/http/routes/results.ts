import { pipeline } from 'node:stream/promises';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Logger } from '../../config/log.ts';
import { GenerationId } from '../../generation/ids.ts';
import type { InKeptState, KeptState } from '../../generation/kept-result.ts';
import type { EraseResults } from '../../vault/erase-results.ts';
import { type ByteRange, NotThere } from '../../vault/storage.ts';
import type { Vault } from '../../vault/vault.ts';
import { HttpError } from '../error-response.ts';
import { needingRedis } from '../unavailable.ts';

/** For as long as a browser may show it without asking. What is erased must not live on for long. */
const FRESH_S = 86_400;
/** The storage must begin to answer within this time. */
const OPEN_MS = 15_000;
const STORAGE_AGAIN_S = 5;

/**
 * `GET /:generationId/:index?token` (and HEAD): a kept result, by our own link. The token is the
 * permission. While the result is on its way the link leads to the provider's own; one that is lost,
 * erased or past its retention is gone, 410.
 */
export function resultRoutes(parts: Parts): Router {
  const { vault } = parts;
  const router = Router();

  router.get('/:id/:index', async (request, response) => {
    const { id, index } = admitted(request, vault);
    const state = (await needingRedis(vault.ledger.read(id)))?.states.get(index);
    // A page of any shop shows the picture; helmet forbids that everywhere else.
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
    if (state?.state === 'kept') return serve(parts, state, request, response);
    response.setHeader('cache-control', 'no-store');
    if (state?.state === 'pending') response.redirect(302, state.url);
    else throw gone(state?.state);
  });

  return router;
}

interface Parts {
  readonly vault: Vault;
  readonly log: Logger;
}

async function serve(
  parts: Parts,
  kept: InKeptState<'kept'>,
  request: Request,
  response: Response,
): Promise<void> {
  describe(response, kept);
  if (isKnown(request, kept)) return void response.status(304).end();
  const range = rangeOf(request, kept);
  if (range === 'none') {
    forgetFile(response);
    response.setHeader('content-range', `bytes */${kept.bytes}`);
    throw new HttpError(416, 'range_not_satisfiable', `The file has ${kept.bytes} bytes.`);
  }
  if (range) {
    response.status(206);
    response.setHeader('content-range', `bytes ${range.start}-${range.end}/${kept.bytes}`);
  }
  response.setHeader('content-length', range ? range.end - range.start + 1 : kept.bytes);
  if (request.method === 'HEAD') return void response.end();
  await send(parts, kept, range, response);
}

/** A piece at a time, as fast as it is fetched; whoever hangs up ends the reading too. */
async function send(
  { vault, log }: Parts,
  kept: InKeptState<'kept'>,
  range: ByteRange | undefined,
  response: Response,
): Promise<void> {
  const reading = new AbortController();
  const patience = setTimeout(() => reading.abort(), OPEN_MS);
  response.once('close', () => reading.abort());
  try {
    const body = await vault.storage.read(kept.place, range, reading.signal);
    clearTimeout(patience);
    await pipeline(body, response);
  } catch (err) {
    if (response.destroyed) return;
    log.error({ err }, 'a kept result could not be read');
    if (!response.headersSent) forgetFile(response);
    throw err instanceof NotThere ? gone() : unreadable();
  } finally {
    clearTimeout(patience);
  }
}

/** `DELETE /:id/results`: erases what is kept of a generation, and answers the proof. */
export function erasureRoutes(parts: {
  eraseResults: EraseResults;
  tenantOf: (request: Request) => string;
}): Router {
  const router = Router();
  const erase: RequestHandler = async (request, response) => {
    request.resume();
    const tenant = parts.tenantOf(request);
    const id = GenerationId.safeParse(request.params['id']);
    const proof = id.success && (await needingRedis(parts.eraseResults(id.data, tenant)));
    if (!proof) {
      throw new HttpError(404, 'results_not_found', 'Nothing is kept of such a generation.');
    }
    response.json(proof);
  };
  router.delete('/:id/results', erase);
  return router;
}

/** @throws HttpError 404, the same for a wrong token and for what never was. */
function admitted({ params, query }: Request, { links }: Vault) {
  const id = GenerationId.safeParse(params['id']);
  const index = /^(?:0|[1-9]\d{0,2})$/.test(String(params['index'])) ? Number(params['index']) : -1;
  const token = query['token'];
  const isWell = id.success && index >= 0 && typeof token === 'string';
  if (isWell && links.isAuthentic({ id: id.data, index, token })) return { id: id.data, index };
  throw new HttpError(404, 'result_not_found', 'There is no such result.');
}

function describe(response: Response, { sha256, contentType }: InKeptState<'kept'>): void {
  const isPicture = contentType.startsWith('image/');
  response.setHeader('content-type', contentType);
  response.setHeader('content-disposition', isPicture ? 'inline' : 'attachment');
  response.setHeader('cache-control', `private, max-age=${FRESH_S}, immutable`);
  response.setHeader('etag', `"${sha256}"`);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('x-content-type-options', 'nosniff');
}

/** A refusal is no picture, and not to be kept for a day. */
function forgetFile(response: Response): void {
  for (const name of ['content-disposition', 'content-length', 'content-range', 'etag']) {
    response.removeHeader(name);
  }
  response.setHeader('cache-control', 'no-store');
}

/** Whoever names this very content has it: it never changes, however fresh it is asked for. */
function isKnown(request: Request, { sha256 }: InKeptState<'kept'>): boolean {
  return request.get('if-none-match')?.includes(`"${sha256}"`) ?? false;
}

/** One range, or the whole: several at once are not worth their trouble, and need not be served. */
function rangeOf(
  request: Request,
  { bytes, sha256 }: InKeptState<'kept'>,
): ByteRange | undefined | 'none' {
  const condition = request.get('if-range');
  if (condition !== undefined && condition !== `"${sha256}"`) return undefined;
  const ranges = request.range(bytes);
  if (ranges === -1) return 'none';
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes') return undefined;
  return ranges.length === 1 ? ranges[0] : undefined;
}

function gone(state?: KeptState['state']): HttpError {
  if (state === 'lost') {
    return new HttpError(410, 'result_lost', 'Its link died before it could be kept.');
  }
  if (state === 'erased') return new HttpError(410, 'result_erased', 'It has been erased.');
  return new HttpError(410, 'result_gone', 'It is not kept (any more).');
}

function unreadable(): HttpError {
  const detail = 'The result cannot be read right now. Try again.';
  return new HttpError(503, 'temporarily_unavailable', detail, STORAGE_AGAIN_S);
}
