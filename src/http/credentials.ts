import type { Request, RequestHandler } from 'express';
import type { Tenants } from '../config/tenants.ts';
import { keyDigest } from '../config/tenants-file.ts';
import { safeEqual } from '../outbound/signature.ts';
import { HttpError } from './error-response.ts';
import type { LoginThrottle } from './login-throttle.ts';

/**
 * Who is calling the API: `Authorization: Bearer <key>` → tenant. The key is everything after one
 * space.
 * @throws HttpError 401 when the key is missing, sent twice or not one of ours.
 */
export function createAuthenticator(
  tenants: Pick<Tenants, 'tenantOfKey'>,
): (request: Request) => string {
  return (request) => {
    const [, key] = /^Bearer (.+)$/i.exec(authorizationOf(request) ?? '') ?? [];
    const tenant = key && tenants.tenantOfKey(keyDigest(key));
    if (tenant) return tenant;
    throw new HttpError(401, 'unauthorized', 'Send your API key as "Authorization: Bearer <key>".');
  };
}

/**
 * A browser's own login prompt, for one user. Writes must come from our own pages. Guesses are
 * throttled; a request without any login is no guess, and is only asked for one.
 * @throws HttpError 401 for a login that is not exactly the one; 429 while throttled, unchecked; 403
 *   for a write from another site.
 */
export function boardLogin(
  login: { user: string; password: string },
  throttle: LoginThrottle,
): RequestHandler {
  const expected = Buffer.from(`${login.user}:${login.password}`);

  return (request, response, next) => {
    const isGuess = request.headers.authorization !== undefined;
    if (isGuess) throttle.admit(request);
    if (!safeEqual(basicLogin(authorizationOf(request)), expected)) {
      if (isGuess) throttle.failed(request);
      response.setHeader('www-authenticate', 'Basic realm="Catwalk", charset="UTF-8"');
      throw new HttpError(401, 'unauthorized', 'The board needs BOARD_USER and BOARD_PASSWORD.');
    }
    throttle.succeeded(request);
    if (!isRead(request.method) && !isSameOrigin(request)) {
      throw new HttpError(403, 'cross_origin', 'Changes are taken from the board itself only.');
    }
    next();
  };
}

/** Node would quietly take the first of several. */
function authorizationOf(request: Request): string | undefined {
  const values = request.headersDistinct['authorization'] ?? [];
  return values.length === 1 ? values[0] : undefined;
}

/**
 * `user:password` out of `Basic <base64>`, as bytes; empty unless it is canonical base64 and nothing
 * else. Decoding alone would pass over whatever is not base64, and stop at the first `=`.
 */
function basicLogin(header: string | undefined): Buffer {
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '') ?? [];
  const decoded = Buffer.from(encoded, 'base64');
  return decoded.toString('base64') === encoded ? decoded : Buffer.alloc(0);
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Browsers send the login along from any site, so another site's request is told by its origin. */
function isSameOrigin(request: Request): boolean {
  const origin = request.get('origin');
  return (
    origin !== undefined && URL.canParse(origin) && new URL(origin).host === request.get('host')
  );
}
