import type { Request, RequestHandler } from 'express';
import type { AccessToken } from '../contract/account.ts';
import type { Refusal } from '../contract/refusal.ts';
import type { Reply } from '../contract/reply.ts';
import type { ProviderState } from '../engine/provider-state.ts';
import { refuse, send } from './replies.ts';

/** The route that exchanges an account's key for an access token. Its body is parsed before. */
export function createTokenRoute(
  state: ProviderState,
  style: {
    read: (request: Request) => string | Refusal;
    reply: (token: AccessToken) => Reply;
    lifetimeMs: number;
  },
): RequestHandler {
  return (request, response) => {
    const key = style.read(request);
    if (typeof key !== 'string') return refuse(state, response, key);
    if (state.settings.keys && !state.settings.keys.includes(key)) {
      const message = 'The credentials are wrong.';
      return refuse(state, response, { reason: 'unauthorized', message });
    }
    const lifetimeMs = state.settings.tokenLifetimeMs ?? style.lifetimeMs;
    state.ledger.tokenIssued();
    send(response, style.reply(state.tokens.issue(lifetimeMs, Date.now())));
  };
}
