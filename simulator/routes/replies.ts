import type { Response } from 'express';
import type { Dialect } from '../contract/dialect.ts';
import type { Refusal } from '../contract/refusal.ts';
import type { Reply } from '../contract/reply.ts';
import type { ProviderState } from '../engine/provider-state.ts';
import type { Stranger } from '../scenarios/scenarios.ts';

const NOT_FOUND_PAGE =
  '<html><head><title>404 Not Found</title></head>' +
  '<body><center><h1>404 Not Found</h1></center><hr><center>nginx</center></body></html>';

/** What a gateway in front of a provider says when the provider does not. */
const GATEWAY_PAGE =
  '<!doctype html><html><head><title>502 Bad Gateway</title></head>' +
  '<body><h1>502 Bad Gateway</h1><hr>gateway</body></html>';

/** Also when its time to be asked about is over. */
export const NO_SUCH_TASK: Refusal = { reason: 'not-found', message: 'No such task.' };

/** Writes a reply, as JSON unless it is bytes. */
export function send(response: Response, reply: Reply): void {
  response.status(reply.status).set(reply.headers ?? {});
  if (Buffer.isBuffer(reply.body)) response.send(reply.body);
  else response.json(reply.body);
}

/** Answers as something on the way would, that never asked the provider. */
export function sendStranger(response: Response, stranger: Stranger): void {
  if (stranger === 'foreign-404') {
    response.status(404).json({ message: 'no Route matched with those values' });
    return;
  }
  const pages = { '404': NOT_FOUND_PAGE, '502': GATEWAY_PAGE, '200': GATEWAY_PAGE };
  const status = stranger.slice(-3) as keyof typeof pages; // each is named for its status
  response.status(Number(status));
  if (stranger === 'empty-404') response.end();
  else response.type('html').send(pages[status]);
}

/** Writes a refusal in the provider's words, or the gateway's page; returns its HTTP status. */
export function sendRefusal(dialect: Dialect, response: Response, refusal: Refusal): number {
  if (refusal.reason === 'html-page') {
    response.status(502).type('html').send(GATEWAY_PAGE);
    return 502;
  }
  const reply = dialect.refuse(refusal);
  if (refusal.retryAfterSeconds !== undefined) {
    response.set('Retry-After', String(refusal.retryAfterSeconds));
  }
  send(response, reply);
  return reply.status;
}

/** Refuses, and writes it in the ledger. */
export function refuse(
  state: ProviderState,
  response: Response,
  refusal: Refusal,
  about: { idempotencyKey?: string | undefined; fingerprint?: string } = {},
): void {
  const httpStatus = sendRefusal(state.dialect, response, refusal);
  state.ledger.refused({
    atMs: Date.now(),
    reason: refusal.reason,
    httpStatus,
    idempotencyKey: about.idempotencyKey ?? null,
    inputFingerprint: about.fingerprint ?? null,
  });
}

/** Puts the calls left on the answer, where the provider does so. */
export function setRateHeaders(state: ProviderState, response: Response): void {
  const { dialect, submits } = state;
  if (dialect.rateHeaders) response.set(dialect.rateHeaders(submits.usage(Date.now())));
}
