import { expect, onTestFinished, test } from 'vitest';
import type { SubscriberJob } from '../../../src/generation/jobs.ts';
import { createHttpClient } from '../../../src/outbound/http-client.ts';
import { createCallback } from '../../../src/workers/stages/callback.ts';
import { RECORDS } from '../../generation/fixtures.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';

const NOW = Date.parse('Sat, 21 Nov 2026 12:00:00 GMT');

/** Delivers one event to an app that answers like this. @returns what became of it. */
async function delivered(status: number, headers: Record<string, string> = {}): Promise<unknown> {
  const app = await loopbackServer(always(status, '', headers));
  const http = createHttpClient({ timeoutMs: 5_000, maxBodyBytes: 1_000 });
  onTestFinished(async () => {
    await app.close();
    await http.close();
  });
  const callback = createCallback({ http, secrets: ['secret'], now: () => NOW });
  return callback(jobTo(app.url)).catch((error: unknown) => error);
}

function jobTo(callbackUrl: string): SubscriberJob {
  const { id, tenant, provider, model } = RECORDS.completed;
  const timestamp = new Date(NOW).toISOString();
  return {
    v: 1,
    callbackUrl,
    event: {
      id: 'evt_1',
      type: 'generation.completed',
      timestamp,
      data: {
        generationId: id,
        tenant,
        provider,
        model,
        outcome: 'completed',
        results: [],
        reason: null,
        timings: { createdAt: timestamp, submittedAt: null, finishedAt: timestamp },
        metadata: null,
      },
    },
  };
}

test.each([200, 201, 202, 204, 299])('%d is success', async (status) => {
  expect(await delivered(status)).toBeUndefined();
});

test.each([301, 307, 400, 401, 403, 404, 408, 409, 413, 418, 425, 429, 500, 501, 502, 503, 504])(
  '%d is tried again, after the time that Retry-After asks for, in seconds or as a date',
  async (status) => {
    const again = { name: 'Retryable', code: 'unavailable' };
    const date = 'Sat, 21 Nov 2026 12:10:00 GMT';
    expect(await delivered(status)).toMatchObject({ ...again, retryAfterMs: undefined });
    for (const [asked, retryAfterMs] of [
      ['90', 90_000],
      [date, 600_000],
      ['86400', 86_400_000],
      ['soon', undefined],
    ] as const) {
      expect(await delivered(status, { 'retry-after': asked })).toMatchObject({
        ...again,
        retryAfterMs,
      });
    }
  },
);

test.each(['86401', '9'.repeat(30), 'Sun, 22 Nov 2026 12:00:01 GMT'])(
  'a Retry-After of more than a day ends the delivery, in words that say what to do: %s',
  async (asked) => {
    expect(await delivered(429, { 'retry-after': asked })).toMatchObject({
      name: 'Terminal',
      code: 'callback_retry_too_late',
      message: expect.stringMatching(/status 429.*Redrive/),
    });
  },
);

test('410 ends the delivery, whatever else is said', async () => {
  for (const headers of [{}, { 'retry-after': '5' }, { 'retry-after': '999999' }]) {
    expect(await delivered(410, headers)).toMatchObject({
      name: 'Terminal',
      code: 'callback_gone',
    });
  }
});
