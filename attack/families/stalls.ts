import type { Family } from '../attempt.ts';

/** The documented 15 s for a request, and what a busy machine and a coarse timer add. */
const CLOSED_WITHIN_MS = 15_000 + 8_000;

/** Connections that say too little: each has to be closed when the time for a request is over. */
export const stalls: Family = {
  name: 'stalls',
  share: 10,
  least: 40,
  most: 600,
  atOnce: 60,
  isPatient: true,
  fitsNaive: true,
  make(world, chance) {
    const { malloryKey } = world.target;
    const api = [
      'POST /v1/generations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json',
      `Authorization: Bearer ${malloryKey}`,
      'Content-Length: 60000\r\n\r\n',
    ].join('\r\n');
    const webhook = 'POST /webhooks/vtryon HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n';
    const chunked =
      'POST /webhooks/vtryon HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const [what, raw] = chance.pick([
      ['nothing is said', { parts: [] }],
      ['half a request line', { parts: ['GET /liv'] }],
      ['headers without an end', { parts: ['GET /livez HTTP/1.1\r\nHost: a\r\nX: '] }],
      ['a header every second', { parts: ['GET /livez HTTP/1.1\r\n'], forEver: 'X: y\r\n' }],
      ['a webhook’s body that never comes', { parts: [webhook] }],
      ['a webhook’s body, a byte a second', { parts: [webhook], forEver: ' ' }],
      ['a chunked body, a byte a second', { parts: [chunked], forEver: '1\r\nx\r\n' }],
      ['an API body that never comes', { parts: [`${api}{"provider":`] }],
      ['an API body, a byte a second', { parts: [api], forEver: ' ' }],
      ['an API body with its half closed', { parts: [`${api}{`], endsWriting: true }],
    ] as const);
    // 401 and 413 may come before the body; 503 only when too much is unfinished at once.
    return world.rawShot(what, [400, 401, 408, 413, 429], {
      pauseMs: 1_000,
      ...raw,
      withinMs: CLOSED_WITHIN_MS,
      untilClosed: true,
    });
  },
};
