import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Refusal } from '../contract/refusal.ts';
import type { ProviderState } from '../engine/provider-state.ts';
import { refuse, sendRefusal, setRateHeaders } from './replies.ts';

/** Before everything else, so that nothing is accepted, found or told. */
export function refuseDuringOutage(state: ProviderState): RequestHandler {
  return (request, response, next) => {
    const { outage } = state;
    if (!outage || Date.now() >= outage.untilMs || outage.reason === 'unknown-tasks') {
      next();
      return;
    }
    const refusal: Refusal = { reason: outage.reason, message: 'Out of order. Try again later.' };
    if (request.method === 'POST') refuse(state, response, refusal);
    else sendRefusal(state.dialect, response, refusal);
  };
}

/** Lets in who has a key that is good, and gives the rate headers. */
export function requireKey(state: ProviderState): RequestHandler {
  const { dialect, settings } = state;
  const isGood = (key: string): boolean =>
    dialect.usesAccessTokens
      ? state.tokens.isLive(key, Date.now())
      : (settings.keys?.includes(key) ?? true);
  return (request, response, next) => {
    const key = dialect.readKey(request);
    if (key === undefined || !isGood(key)) {
      const refusal: Refusal = { reason: 'unauthorized', message: 'Missing or invalid API key.' };
      if (request.method === 'POST') refuse(state, response, refusal);
      else sendRefusal(dialect, response, refusal);
      return;
    }
    setRateHeaders(state, response);
    next();
  };
}

/** Express hands the body parser's complaints here; anything else is a defect and goes on. */
export function refuseUnreadableBody(state: ProviderState): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const type = error instanceof Error && 'type' in error ? error.type : undefined;
    const refusal: Refusal | undefined =
      type === 'entity.too.large'
        ? { reason: 'too-large', message: 'The request body is too large.' }
        : type === 'entity.parse.failed'
          ? { reason: 'invalid', message: 'The request body is not valid JSON.' }
          : undefined;
    if (!refusal || response.headersSent) {
      next(error);
      return;
    }
    refuse(state, response, refusal);
  };
}
