import { createHash } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { safeEqual } from '../providers/signature.ts';
import { Refusal } from './error-response.ts';

const digest = (key: string): string => createHash('sha256').update(key).digest('hex');

/**
 * Who is calling the API: `Authorization: Bearer <key>` → tenant.
 * @throws Refusal 401 when the key is missing or not one of ours.
 */
export function createAuthenticator(
  apiKeys: readonly { tenant: string; key: string }[],
): (request: Request) => string {
  const tenants = new Map(apiKeys.map(({ tenant, key }) => [digest(key), tenant]));

  return (request) => {
    const [, key] = /^Bearer (.+)$/i.exec(request.get('authorization') ?? '') ?? [];
    const tenant = key && tenants.get(digest(key));
    if (tenant) return tenant;
    throw new Refusal(401, 'unauthorized', 'Send your API key as "Authorization: Bearer <key>".');
  };
}

/** A browser's own login prompt, for one user. Writes must come from our own pages. */
export function boardLogin(user: string, password: string): RequestHandler {
  return (request, response, next) => {
    const [, encoded = ''] = /^Basic (.+)$/i.exec(request.get('authorization') ?? '') ?? [];
    const [gotUser = '', gotPassword = ''] = Buffer.from(encoded, 'base64')
      .toString()
      .split(/:(.*)/s);
    const isUser = safeEqual(gotUser, user);
    if (!safeEqual(gotPassword, password) || !isUser) {
      response.setHeader('www-authenticate', 'Basic realm="Catwalk", charset="UTF-8"');
      throw new Refusal(401, 'unauthorized', 'The board needs BOARD_USER and BOARD_PASSWORD.');
    }
    if (!isRead(request.method) && !isSameOrigin(request)) {
      throw new Refusal(403, 'cross_origin', 'Changes are taken from the board itself only.');
    }
    next();
  };
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
