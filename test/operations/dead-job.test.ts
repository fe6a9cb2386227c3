import { expect, test } from 'vitest';
import { type CallTrouble, Defect, Retryable, Terminal } from '../../src/generation/errors.ts';
import { failureLine, jobFailure, UNREADABLE } from '../../src/generation/job-failure.ts';
import { DEAD_JOB_CLASSES, deadJobReason, isRedrivable } from '../../src/operations/dead-job.ts';

const CALLBACK = 'subscriber-callback';
const SLOW_CALLBACK = 'subscriber-callback-slow';

/** The queue's line as a worker writes it of what was thrown. */
const lineOf = (error: unknown): string => failureLine(jobFailure(error));
const called = (met: CallTrouble) => new Retryable('unavailable', 'answered 418, it says', { met });

test.each<[queue: string, thrown: unknown, kind: string, code: string]>([
  [CALLBACK, called('http_404'), 'http_4xx', 'http_404'],
  [CALLBACK, called('http_503'), 'http_5xx', 'http_503'],
  [CALLBACK, called('http_302'), 'http_other', 'http_302'],
  [CALLBACK, called('timeout'), 'timeout', 'timeout'],
  [CALLBACK, called('unreachable'), 'unreachable', 'unreachable'],
  [CALLBACK, new Terminal('callback_gone', 'answered 410'), 'refused', 'callback_gone'],
  [SLOW_CALLBACK, called('timeout'), 'timeout', 'timeout'],
  [SLOW_CALLBACK, new Terminal('callback_disabled', 'failed'), 'refused', 'callback_disabled'],
  [CALLBACK, new Defect('no whole answer within'), 'defect', 'defect'],
  [CALLBACK, new Retryable('unavailable', 'answered 503'), 'handler_error', 'handler_error'],
  [CALLBACK, new Error('answered 503: ECONNRESET'), 'handler_error', 'handler_error'],
  [CALLBACK, new Terminal('Not a code', 'answered 503'), 'handler_error', 'handler_error'],
  ['completions', 'no error at all', 'handler_error', 'handler_error'],
  ['completions', new Error('stalled more than allowable limit'), 'handler_error', 'handler_error'],
  ['subscriber-orders', called('http_503'), 'handler_error', 'handler_error'],
  ['subscriber-orders', new Terminal('secret_name', 'x'), 'handler_error', 'handler_error'],
  ['subscriber-orders', new Defect('broken'), 'defect', 'defect'],
  ['submit-fashn', called('http_429'), 'http_4xx', 'http_429'],
])('in %s, what was thrown is known by its code, whatever its sentence: %s', (...row) => {
  const [queue, thrown, kind, code] = row;
  expect(deadJobReason(queue, lineOf(thrown))).toEqual({ kind, code });
  expect(DEAD_JOB_CLASSES).toContain(kind);
});

test('a payload that cannot be read, and a job that its workers died with, have codes as well', () => {
  const unreadable = { kind: 'unreadable', code: 'unreadable' };
  expect(deadJobReason('completions', failureLine(UNREADABLE))).toEqual(unreadable);
  const stalled = { kind: 'stalled', code: 'stalled' };
  expect(deadJobReason(CALLBACK, 'job stalled more than allowable limit')).toEqual(stalled);
});

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
])('a job that died under release 0.1: in %s, "%s" is %s', (queue, failedReason, kind, code) => {
  expect(deadJobReason(queue, failedReason)).toEqual({ kind, code });
  expect(DEAD_JOB_CLASSES).toContain(kind);
});

test('rounds are not redriven: a lost one is added again by itself', () => {
  expect(isRedrivable('poll-fashn')).toBe(false);
  for (const queue of ['submit-fashn', 'completions', CALLBACK]) {
    expect(isRedrivable(queue)).toBe(true);
  }
});
