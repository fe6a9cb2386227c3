import { ReplyError } from 'ioredis';
import { expect, test } from 'vitest';
import { workerConnection } from '../../src/config/redis.ts';
import { redisTrouble, replyOf } from '../../src/config/redis-errors.ts';

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
  'ERR max number of clients reached',
];

/** As Redis 6.2 words it for a script (scripting.c: `luaPushError` and `evalGenericCommand`). */
const of62 = (message: string): string =>
  `ERR Error running script (call to f_1e9bb7): @user_script:10: @user_script: 10: -${message} `;

const OUR_FAULT = [
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  'ERR Error running script (call to f_1e9bb7): @user_script:10: a nil value',
  'BUSYGROUP Consumer Group name already exists',
  'CROSSSLOT Keys in request do not hash to the same slot',
  "ERR unknown command 'HGETDEL', with args beginning with: 'what a stranger sent' ",
  'ERR user_script:1: attempt to perform arithmetic on a nil value script: cd2048, on @user_script:1.',
];

/** As Redis 7.0 sends them, the last one as 7.2 does. */
const LOCKED_OUT = [
  'NOAUTH Authentication required.',
  'WRONGPASS invalid username-password pair or user is disabled.',
  "NOPERM this user has no permissions to run the 'set' command",
  'DENIED Redis is running in protected mode because protected mode is enabled',
  "ERR The user executing the script can't run this command or subcommand script: 0a9f75, on @user_script:1.",
  "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: 0a9f75, on @user_script:1.",
  "ERR Error running script (call to f_1e9bb7): @user_script:1: @user_script: 1: The user executing the script can't run this command or subcommand ",
  "ERR ACL failure in script: User web has no permissions to run the 'set' command script: 0a9f75, on @user_script:1.",
];

/** As ioredis words them. */
const AWAY = [
  Object.assign(new Error('Reached the max retries per request limit'), {
    name: 'MaxRetriesPerRequestError',
  }),
  new Error('Connection is closed.'),
  new Error("Stream isn't writeable and enableOfflineQueue options is false"),
  new Error('Command timed out'),
  new Error('Command aborted due to connection close'),
  Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { syscall: 'connect' }),
];

test.each([...FOR_NOW, ...FOR_NOW.map(of62)])('is over some time: %s', (message) => {
  expect(redisTrouble(new ReplyError(message))).toBe('busy');
});

test.each(OUR_FAULT)('is not over by itself: %s', (message) => {
  expect(redisTrouble(new ReplyError(message))).toBe('defect');
});

test.each(LOCKED_OUT)('is for an operator to mend: %s', (message) => {
  expect(redisTrouble(new ReplyError(message))).toBe('locked_out');
});

test.each(AWAY)('is a Redis that is away: %s', (error) => {
  expect(redisTrouble(error)).toBe('away');
});

test('a transaction that is discarded is what its commands were answered', () => {
  const discarded = (message: string) =>
    Object.assign(new ReplyError('EXECABORT Transaction discarded because of previous errors.'), {
      previousErrors: [new ReplyError(message)],
    });
  expect(FOR_NOW.map((message) => redisTrouble(discarded(message)))).toEqual(
    FOR_NOW.map(() => 'busy'),
  );
  expect(redisTrouble(discarded('WRONGTYPE Operation against a key'))).toBe('defect');
});

test('what Redis said is told without the arguments that it repeats', () => {
  const unknown =
    "ERR unknown command 'HGETDEL', with args beginning with: 'what a stranger sent' ";
  expect(replyOf(new ReplyError(unknown))).toBe("ERR unknown command 'HGETDEL'");
  expect(replyOf(new ReplyError('WRONGTYPE Operation'))).toBe('WRONGTYPE Operation');
});

test('what others call busy is no answer of Redis', () => {
  expect(redisTrouble(new Error('BUSY the line is engaged'))).toBeUndefined();
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

test('what was sent, and Redis repeats, does not decide what its answer means', () => {
  const message =
    "ERR unknown command 'EVALSHA', with args beginning with: 'x\nACL failure in script: ' ";
  expect(redisTrouble(new ReplyError(message))).toBe('defect');
});
