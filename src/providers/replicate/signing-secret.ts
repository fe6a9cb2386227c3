import { z } from 'zod';
import { Retryable } from '../../generation/errors.ts';
import { createFetchedCopy, type FetchedCopy } from '../../outbound/fetched-copy.ts';
import type { HttpClient } from '../../outbound/http-client.ts';

/** The secrets with which Replicate may have signed a delivery. */
export type SigningSecrets = FetchedCopy<readonly string[]>;

const Answer = z.object({ key: z.string().min(1).max(1_024) });

/** Those of the settings: nobody is asked. */
export function givenSecrets(secrets: readonly string[]): SigningSecrets {
  return { current: async () => secrets, refreshed: async () => secrets };
}

/**
 * The account's one secret, from `GET /v1/webhooks/default/secret`, to be cached ("Verify a webhook",
 * read 2026-11-20). It stays in this process's memory. @throws Retryable when it cannot be had.
 */
export function fetchedSecrets(options: {
  http: HttpClient;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Unix milliseconds. */
  now: () => number;
}): SigningSecrets {
  const { http, url, headers, now } = options;
  const fetch = async (): Promise<readonly string[]> => {
    const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
    if (!answer.ok) throw new Retryable('unavailable', `${answer.call} answered ${answer.status}`);
    return [answer.read(Answer).key];
  };
  return createFetchedCopy({ fetch, now });
}
