import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import type { Dialect } from '../../contract/dialect.ts';
import {
  KEEPS_TASKS_FOR_MS,
  refuse,
  replyToQueue,
  replyToResult,
  replyToStatus,
  replyWithPicture,
} from './answers.ts';
import { MODELS } from './models.ts';
import { readSubmission, refuseModel } from './submission.ts';

// Facts: Segmind, "Async inference", "Rate limits", "Account and billing APIs" and the official SDK,
// read 2026-11-20, and the error codes of "Serverless API", read 2026-11-21. What no document says is
// marked ASSUMPTION.

/** Segmind: a queue that is polled, calls that wait for the picture, and no webhooks. */
export const segmind: Dialect = {
  name: 'segmind',
  liveStatuses: ['QUEUED', 'PROCESSING'],
  finalStatuses: { completed: 'COMPLETED', failed: 'FAILED' },
  refundsFailures: true, // Only what is answered 200 is billed.
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: {
    output: ['text', 'array', 'object', 'json-text', 'base64'],
    // A client has seen 404 right after a submission.
    'new-request': ['found', 'missing'],
  },
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  newTaskId: () => randomUUID().replaceAll('-', ''),
  // Keys look like `SG_…`, but that is inferred, so any will do.
  readKey: (request) => /^\S+$/.exec(request.get('x-api-key') ?? '')?.[0],
  refuse,
  // Seen by clients of version 1. ASSUMPTION: on every answer.
  rateHeaders: ({ remaining, resetAtSeconds }) => ({
    'x-rate-limit-remaining': String(remaining),
    'x-rate-limit-reset-at-utc': new Date(resetAtSeconds * 1000).toISOString(),
  }),
  mount(router, provider) {
    for (const [slug, model] of Object.entries(MODELS)) {
      const read = (request: Request) => readSubmission(request, model);
      router.post(
        `/v2/${slug}`,
        provider.submit(read, (task) => replyToQueue(task, provider)),
      );
      router.post(
        `/v1/${slug}`,
        provider.submit(read, (task) => replyWithPicture(task, provider)),
      );
    }
    for (const path of ['/v1/:model', '/v2/:model']) {
      router.post(
        path,
        // Refused, whatever is in it; so there is nothing to answer.
        provider.submit(refuseModel, () => ({ status: 200, body: null })),
      );
    }
    router.get(
      '/v2/requests/:id/status',
      provider.poll((task, view) => replyToStatus(task, view, provider)),
    );
    // "Async inference": what the poll_url of a submission leads to, and what version 1 tells of a
    // request. ASSUMPTION: the same; documented is that the output is in it.
    for (const path of ['/v2/requests/:id', '/v1/requests/:id']) {
      router.get(
        path,
        provider.poll((task, view) => replyToResult(task, view, provider)),
      );
    }
    router.get(
      '/v1/get-user-credits',
      provider.account(({ creditsLeft }) => ({
        status: 200,
        body: { credits: creditsLeft, 'free-credits': 0 },
      })),
    );
  },
};
