import { type Logger, onceInAWhile } from './log.ts';

/**
 * What an error of Redis, or of the way to it, means: one classifier for web and worker processes.
 *
 * `away`: no connection, or no answer in time. What was being written may or may not be there; every
 * write of ours may be repeated.
 * `busy`: Redis answered that it takes nothing at the moment: a failover, no memory or disk left,
 * loading, somebody's endless script, too many clients, or a script of ours forgotten twice in a
 * row. Nothing was written, and the same will work when that is over.
 * `locked_out`: the password or the rights are wrong. Redis refuses before it writes, and takes the
 * same when an operator has mended it; so a webhook is answered 503, that its provider sends it
 * again, and a job is tried again. Nothing is acknowledged meanwhile, and nothing is lost. But
 * somebody must look: it is logged as an error.
 * `defect`: any other answer. A script or a command of ours is wrong, or a key holds what it should
 * not; no waiting mends that.
 */
export type RedisTrouble = 'away' | 'busy' | 'locked_out' | 'defect';

const AWAY = new Set(['MaxRetriesPerRequestError', 'ClusterAllFailedError']);
/** ioredis's own errors have no code. */
const AWAY_WORDS =
  /Connection is closed|isn't writeable|Command timed out|Connection not available|Command aborted/;

/** Redis 7 answers for a script as for a command; 6.2 says first where in the script it was. */
const IN_SCRIPT = '^(?:ERR Error running script .* -)?';
const BUSY = new RegExp(
  `${IN_SCRIPT}(READONLY|OOM|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MISCONF|NOREPLICAS|NOSCRIPT|ERR max number of clients reached)(?: |$)`,
);
/** What a script may not do is refused without a code of its own: by 6.2 and 7.0, and by 7.2. */
const LOCKED_OUT =
  /^(?:NOAUTH|WRONGPASS|NOPERM|DENIED) |\bThe user executing the script can't |\bACL failure in script: /;

/** @returns undefined for an error that Redis has nothing to do with. */
export function redisTrouble(error: unknown): RedisTrouble | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'ReplyError') return troubleOfReply(error);
  const isAway = AWAY.has(error.name) || AWAY_WORDS.test(error.message) || 'syscall' in error;
  return isAway ? 'away' : undefined;
}

function troubleOfReply(error: Error): RedisTrouble {
  // A transaction is discarded because of what was answered to its commands.
  const [first]: unknown[] = 'previousErrors' in error ? [error.previousErrors].flat() : [];
  // What was sent, a tenant's words perhaps, decides nothing.
  const message = replyOf(first instanceof Error ? first : error);
  if (BUSY.test(message)) return 'busy';
  return LOCKED_OUT.test(message) ? 'locked_out' : 'defect';
}

/** Whether Redis answered that it takes nothing at the moment: see `RedisTrouble`. */
export function isRedisBusy(error: unknown): boolean {
  return redisTrouble(error) === 'busy';
}

/** Whether somebody must look: no waiting mends it. */
export function needsSomebody(error: unknown): boolean {
  const trouble = redisTrouble(error);
  return trouble === 'locked_out' || trouble === 'defect';
}

/** For the `error` event of a connection, which comes with every try to connect again. */
export function connectionErrors(log: Logger, message: string): (error: Error) => void {
  return onceInAWhile((err) => log[needsSomebody(err) ? 'error' : 'warn']({ err }, message));
}

/** A demoted primary answers READONLY: connect again, and to the new one. */
export function isFailover(error: Error): boolean {
  return error.name === 'ReplyError' && BUSY.exec(error.message)?.[1] === 'READONLY';
}

/** What Redis said, beginning with its code, without the arguments that it repeats. */
export function replyOf(error: Error): string {
  return error.message.replace(/,? with args beginning with:.*$/s, '');
}
