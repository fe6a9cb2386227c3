import { CatwalkError } from '../generation/errors.ts';

/** Redis is away or too slow. Nothing was acknowledged; the same request may be sent again. */
export class Unavailable extends CatwalkError {
  constructor(cause: unknown) {
    super('temporarily_unavailable', 'Catwalk cannot store anything right now. Try again.', {
      cause,
    });
  }
}

/** A provider gives up on a webhook after 10 s, so this must be well under it. */
const DEADLINE_MS = 5_000;

const REDIS_ERRORS = new Set(['ReplyError', 'MaxRetriesPerRequestError', 'ClusterAllFailedError']);
const REDIS_TROUBLE =
  /Connection is closed|isn't writeable|Command timed out|Connection not available/;

/**
 * Waits for work that needs Redis, but never for long.
 * @throws Unavailable when Redis is away, refuses, or does not answer in time. Whatever was being
 *   written may or may not be there; every write of ours may be repeated.
 */
export async function needingRedis<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unavailable('deadline')), DEADLINE_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } catch (error) {
    throw isRedisTrouble(error) ? new Unavailable(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

function isRedisTrouble(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof CatwalkError) return false;
  return REDIS_ERRORS.has(error.name) || 'syscall' in error || REDIS_TROUBLE.test(error.message);
}
