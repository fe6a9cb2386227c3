import { type Request, Router } from 'express';
import { callbackSecret } from '../../outbound/callback-secret.ts';
import { makerAt, type OwnSecrets } from '../../outbound/derived-keys.ts';

/**
 * `GET /`: the secrets that the caller's own callbacks are signed with. Two while `CATWALK_SECRET` is
 * being rotated, and every process that has both signs with both. The first is the one to hold: until
 * the newer takes over, some processes may not sign with it yet.
 */
export function callbackSecretRoutes(parts: {
  secrets: OwnSecrets;
  tenantOf: (request: Request) => string;
  now: () => number;
}): Router {
  const { secrets, tenantOf, now } = parts;
  const router = Router();
  router.get('/', (request, response) => {
    const tenant = tenantOf(request);
    const live = makerAt(secrets, now());
    const others = secrets.CATWALK_SECRET.filter((secret) => secret !== live);
    const inOrder = live === undefined ? [] : [live, ...others];
    response.setHeader('cache-control', 'no-store');
    response.json({ secrets: inOrder.map((secret) => callbackSecret(secret, tenant)) });
  });
  return router;
}
