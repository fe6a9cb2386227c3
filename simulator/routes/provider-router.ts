import { json, Router, raw } from 'express';
import { FORM_CONTENT_TYPE, MAX_FORM_BYTES } from '../dialects/multipart.ts';
import type { ProviderState } from '../engine/provider-state.ts';
import { refuseDuringOutage, refuseUnreadableBody, requireKey } from './guards.ts';
import { createProvider } from './provider.ts';
import { sendRefusal } from './replies.ts';

/** Larger than any documented inline image, small enough to bound memory. */
const MAX_BODY_BYTES = 25 * 1024 * 1024;

/** One provider's routes: its dialect's words over the shared engine. */
export function createProviderRouter(state: ProviderState): Router {
  const { dialect } = state;
  const router = Router();
  const provider = createProvider(state);
  router.use(refuseDuringOutage(state));
  dialect.mountOpen?.(router, provider);
  router.use(requireKey(state));
  router.use(
    json({ limit: MAX_BODY_BYTES }),
    raw({ type: FORM_CONTENT_TYPE, limit: MAX_FORM_BYTES }),
  );
  dialect.mount(router, provider);
  router.use((_request, response) => {
    sendRefusal(dialect, response, { reason: 'not-found', message: 'No such resource.' });
  });
  router.use(refuseUnreadableBody(state));
  return router;
}
