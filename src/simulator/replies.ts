import type { Response } from 'express';
import type { Dialect, Refusal, Reply } from './dialect.ts';
import type { ProviderState } from './provider-state.ts';

/** What a gateway in front of a provider says when the provider does not. */
const gatewayPage =
  '<!doctype html><html><head><title>502 Bad Gateway</title></head>' +
  '<body><h1>502 Bad Gateway</h1><hr>gateway</body></html>';

/** Writes a reply as JSON. */
export function send(response: Response, reply: Reply): void {
  response
    .status(reply.status)
    .set(reply.headers ?? {})
    .json(reply.body);
}

/** Writes a refusal in the provider's words, or the gateway's page; returns its HTTP status. */
export function sendRefusal(dialect: Dialect, response: Response, refusal: Refusal): number {
  if (refusal.reason === 'html-page') {
    response.status(502).type('html').send(gatewayPage);
    return 502;
  }
  const reply = dialect.refuse(refusal);
  if (refusal.retryAfterSeconds !== undefined) {
    response.set('Retry-After', String(refusal.retryAfterSeconds));
  }
  send(response, reply);
  return reply.status;
}

/** Puts the calls left on the answer, where the provider does so. */
export function setRateHeaders(state: ProviderState, response: Response): void {
  const { dialect, submits } = state;
  if (dialect.rateHeaders) response.set(dialect.rateHeaders(submits.usage(Date.now())));
}
