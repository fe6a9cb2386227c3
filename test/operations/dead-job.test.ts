import { expect, test } from 'vitest';
import { DEAD_JOB_CLASSES, deadJobReason, isRedrivable } from '../../src/operations/dead-job.ts';

const CALLBACK = 'subscriber-callback';

test.each([
  [CALLBACK, 'The callback URL answered 404.', 'http_4xx', 'http_404'],
  [CALLBACK, 'POST https://app.example answered 503: unavailable', 'http_5xx', 'http_503'],
  [CALLBACK, 'The callback URL answered 302.', 'http_other', 'http_302'],
  [CALLBACK, 'POST https://app.example: no whole answer within 15000 ms', 'timeout', 'timeout'],
  [CALLBACK, 'POST https://app.example: ECONNREFUSED', 'unreachable', 'unreachable'],
  [CALLBACK, 'POST https://app.example: UND_ERR_SOCKET', 'unreachable', 'unreachable'],
  [CALLBACK, 'POST https://app.example: the connection ended', 'unreachable', 'unreachable'],
  [CALLBACK, 'callback_gone: The callback URL is gone.', 'refused', 'callback_gone'],
  [
    CALLBACK,
    'callback_retry_too_late: The callback URL refused with status 503 and a Retry-After …',
    'refused',
    'callback_retry_too_late',
  ],
  [CALLBACK, 'private_address: The host resolves to …', 'refused', 'private_address'],
  [CALLBACK, 'something else', 'handler_error', 'handler_error'],
  ['subscriber-orders', 'POST https://db answered 503', 'handler_error', 'handler_error'],
  ['subscriber-orders', 'secret_name: of a customer', 'handler_error', 'handler_error'],
  ['subscriber-orders', 'defect: A callback job without its URL.', 'defect', 'defect'],
  ['submit-fashn', 'GET https://api.example answered 429: rate_limited', 'http_4xx', 'http_429'],
  ['completions', 'Connection is closed.', 'handler_error', 'handler_error'],
  ['completions', 'job stalled more than allowable limit', 'stalled', 'stalled'],
  ['completions', 'The job does not have the shape of its queue.', 'unreadable', 'unreadable'],
])('%s, "%s" is %s', (queue, failedReason, kind, code) => {
  expect(deadJobReason(queue, failedReason)).toEqual({ kind, code });
  expect(DEAD_JOB_CLASSES).toContain(kind);
});

test('rounds are not redriven: a lost one is added again by itself', () => {
  expect(isRedrivable('poll-fashn')).toBe(false);
  for (const queue of ['submit-fashn', 'completions', CALLBACK]) {
    expect(isRedrivable(queue)).toBe(true);
  }
});
