import { type Request, Router } from 'express';
import { callbackSecret } from '../../outbound/callback-secret.ts';

/**
 * `GET /`: the secrets that the caller's own callbacks are signed with, the live one first. Two
 * while `CATWALK_SECRET` is being rotated; a signature of either is then good.
 */
export function callbackSecretRoutes(parts: {
  secrets: readonly string[];
  tenantOf: (request: Request) => string;
}): Router {
  const router = Router();
  router.get('/', (request, response) => {
    const tenant = parts.tenantOf(request);
    response.setHeader('cache-control', 'no-store');
    response.json({ secrets: parts.secrets.map((secret) => callbackSecret(secret, tenant)) });
  });
  return router;
}
