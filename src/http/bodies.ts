import type { Request, RequestHandler } from 'express';
import { gatherBytes } from '../outbound/gathered-bytes.ts';
import { HttpError } from './error-response.ts';

/**
 * What all unfinished bodies of one kind may hold together, in bytes. So many stalled senders at once
 * are an attack; the others of their kind are asked to come again, and no other kind notices.
 */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

const RETRY_AFTER_S = 2;

/**
 * Each piece costs time, whatever its size. So many, and so small on average (in bytes), are none of
 * a sender's that means well: 250,000 chunks of one byte would take a quarter of a second.
 */
const FREE_PIECES = 2_000;
const LEAST_PIECE_BYTES = 16;

/** A handler that leaves the exact bytes of a body in `request.body`; nothing where there is none. */
export type ReadBody = RequestHandler;

/**
 * Reads bodies of one kind, each of at most `maxBytes`. One whose length is known to be too large is
 * refused before it is read, any other as soon as it is; room for all that is unfinished is set aside
 * before the first byte, and given back when the request has been answered or is gone.
 *
 * Content encodings have been refused before: `identityOnly`.
 */
export function createBodyReader(maxBytes: number): ReadBody {
  let heldBytes = 0;

  return (request, response, next) => {
    const declared = declaredBytes(request);
    if (declared !== undefined && declared > maxBytes) throw tooLarge(maxBytes);
    const share = declared ?? maxBytes;
    if (heldBytes + share > MAX_HELD_BYTES) throw tooMany();
    heldBytes += share;
    response.once('close', () => {
      heldBytes -= share;
    });

    readWhole(request, share, (error) => {
      // What else this sender has on its way is not read.
      if (error === IN_CRUMBS) response.setHeader('connection', 'close');
      next(error);
    });
  };
}

/**
 * Leaves the body in `request.body`. `done` is called once, with why it was refused; never when the
 * sender goes away before the end, who is answered nothing.
 */
function readWhole(request: Request, mostBytes: number, done: (error?: HttpError) => void): void {
  const body = gatherBytes(mostBytes);
  let pieces = 0;
  // The rest is not waited for: it may never come.
  const refuse = (error: HttpError): void => {
    request.off('data', take).off('end', finish).resume();
    done(error);
  };
  const take = (piece: Buffer): void => {
    pieces += 1;
    if (body.size + piece.length > mostBytes) {
      refuse(tooLarge(mostBytes));
      return;
    }
    body.add(piece);
    if (pieces > FREE_PIECES && body.size < pieces * LEAST_PIECE_BYTES) refuse(IN_CRUMBS);
  };
  const finish = (): void => {
    request.body = body.bytes();
    done();
  };
  request.on('data', take).on('end', finish);
}

/**
 * Refuses compressed bodies, whatever the path, before a byte of them is read: inflating costs memory
 * by the compressor's choice, not by the body's size (a brotli stream of 77 bytes: 16 MB), and no
 * provider compresses its webhooks.
 */
export const identityOnly: RequestHandler = (request, _response, next) => {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || /^(identity)?$/i.test(encoding.trim())) return next();
  throw new HttpError(415, 'unsupported_encoding', 'Send the body as it is, without compression.');
};

/** Undefined for a body that comes in chunks and does not say how many. */
function declaredBytes(request: Request): number | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return undefined;
  return Number(request.headers['content-length'] ?? 0);
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, 'body_too_large', `The body is larger than ${maxBytes} bytes.`);
}

const IN_CRUMBS = new HttpError(
  400,
  'body_in_pieces',
  'The body comes in too many small pieces. Send it in one.',
);

function tooMany(): HttpError {
  const detail = 'Too many bodies are on their way at once. Try again.';
  return new HttpError(429, 'too_many_bodies', detail, RETRY_AFTER_S);
}
