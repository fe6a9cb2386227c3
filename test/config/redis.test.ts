import { ReplyError } from 'ioredis';
import { expect, test } from 'vitest';
import { isRefusedForNow, workerConnection } from '../../src/config/redis.ts';

/** As Redis 7.0 sends them; what those lack is in test/http/redis-refuses.test.ts, from a real one. */
const FOR_NOW = [
  "READONLY You can't write against a read only replica. script: 1e9bb7, on @user_script:10.",
  "OOM command not allowed when used memory > 'maxmemory'.",
  'LOADING Redis is loading the dataset in memory',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'CLUSTERDOWN The cluster is down',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  'MISCONF Errors writing to the AOF file: No space left on device',
  'NOREPLICAS Not enough good replicas to write.',
  'NOSCRIPT No matching script. Please use EVAL.',
];

/** As Redis 6.2 words it for a script (scripting.c: `luaPushError` and `evalGenericCommand`). */
const of62 = (message: string): string =>
  `ERR Error running script (call to f_1e9bb7): @user_script:10: @user_script: 10: -${message} `;

const OUR_FAULT = [
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  'ERR Error running script (call to f_1e9bb7): @user_script:10: a nil value',
  'BUSYGROUP Consumer Group name already exists',
  'CROSSSLOT Keys in request do not hash to the same slot',
];

test.each([...FOR_NOW, ...FOR_NOW.map(of62)])('is over some time: %s', (message) => {
  expect(isRefusedForNow(new ReplyError(message))).toBe(true);
});

test.each(OUR_FAULT)('is not over by itself: %s', (message) => {
  expect(isRefusedForNow(new ReplyError(message))).toBe(false);
});

test('what others call busy is no answer of Redis', () => {
  expect(isRefusedForNow(new Error('BUSY the line is engaged'))).toBe(false);
});

test('a worker connects again for READONLY alone, and then not at once', () => {
  const connection = workerConnection(new AbortController().signal);
  const [readOnly = '', ...others] = FOR_NOW;
  for (const message of [...others, ...OUR_FAULT]) {
    expect(connection.reconnectOnError(new ReplyError(message))).toBe(false);
  }
  expect(connection.retryStrategy(1)).toBeLessThan(100);
  for (const message of [readOnly, of62(readOnly)]) {
    expect(connection.reconnectOnError(new ReplyError(message))).toBe(2);
  }
  expect(connection.retryStrategy(1)).toBeGreaterThanOrEqual(500);
});
