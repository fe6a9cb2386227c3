import { onTestFinished } from 'vitest';
import { createHttpClient } from '../../src/outbound/http-client.ts';
import { sharedParts } from '../providers/shared-parts.ts';
import { always, loopbackServer, type Received } from '../support/loopback-server.ts';

/** Headers that need not be the same, and why. Of every other, name and value must be. */
export const MAY_DIFFER: Readonly<Record<string, string>> = {
  'user-agent': 'each says who it is',
  accept: 'each says what it can read: JSON, or anything',
  'accept-encoding': "fetch's own; our bodies are small and come as they are",
  'accept-language': "fetch's own, any",
  'sec-fetch-mode': "fetch's own, which tells browsers apart",
  'content-length': 'the members of the body come in another order, or are more: compared parsed',
};

/** A server that answers everything alike, and what an adapter is handed to call it. */
export async function recordingServer(answer: unknown) {
  const server = await loopbackServer(always(200, answer, { 'content-type': 'application/json' }));
  const http = createHttpClient({ timeoutMs: 2_000, maxBodyBytes: 10_000 });
  const shared = await sharedParts(http);
  onTestFinished(() => Promise.all([server.close(), shared.close()]).then(() => undefined));
  /** In essence, what the official client sent, and what we sent for the same work. */
  const sent = async (theirs: () => Promise<unknown>, ours: () => Promise<unknown>) => {
    await theirs();
    const count = server.received.length;
    await ours();
    const all = server.received.map(essence);
    return { theirs: all.slice(0, count), ours: all.slice(count) };
  };
  return { server, shared, sent };
}

/** A request without what may differ; the query parsed, since a space has two spellings in it. */
function essence({ method, url, headers, body }: Received) {
  const { pathname, searchParams } = new URL(url, 'http://recorded');
  const isBare = body === '';
  const kept = Object.entries(headers).filter(
    ([name]) =>
      !Object.hasOwn(MAY_DIFFER, name) &&
      // Both clients name the type of a body that is not there.
      !(isBare && name === 'content-type'),
  );
  const sent: Record<string, unknown> | undefined = isBare ? undefined : JSON.parse(body);
  return {
    method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: Object.fromEntries(kept),
    body: sent,
  };
}
