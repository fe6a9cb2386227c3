import type { Request } from 'express';
import { MAX_JSON_DEPTH, parseJson, UnreadableJson } from '../outbound/bounded-json.ts';
import { HttpError } from './error-response.ts';

/**
 * Before the body is read. Not `request.is`, which says no to a request without a body, whatever its
 * type. @throws HttpError 415 when the body is not announced as JSON in UTF-8.
 */
export function requireJson(request: Request): void {
  const type = request.get('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new HttpError(415, 'unsupported_media_type', 'Send "Content-Type: application/json".');
  }
  const [, charset = 'utf-8'] = /;\s*charset="?([^";\s]*)/i.exec(type) ?? [];
  if (!/^utf-?8$/i.test(charset)) {
    throw new HttpError(415, 'unsupported_charset', 'Send the body as UTF-8.');
  }
}

/**
 * The value of a body that has been read; an empty one asks for nothing.
 * @throws HttpError 400 when it holds no JSON that we take.
 */
export function readJson(request: Request): unknown {
  const bytes: unknown = request.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return {};
  try {
    return parseJson(utf8.decode(bytes));
  } catch (error) {
    if (error instanceof UnreadableJson && error.why === 'too-deep') {
      const detail = `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`;
      throw new HttpError(400, 'json_too_deep', detail);
    }
    throw new HttpError(400, 'malformed_json', 'The body is not valid JSON in UTF-8.');
  }
}

/** Damaged text is refused: what could not be read would come back changed. */
const utf8 = new TextDecoder('utf-8', { fatal: true });
