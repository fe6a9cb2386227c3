import { needsSomebody, redisTrouble, replyOf } from '../config/redis-errors.ts';
import { CatwalkError, Defect } from '../generation/errors.ts';

/** Redis cannot be used now. Nothing was acknowledged; the same request may be sent again. */
export class Unavailable extends CatwalkError {
  /** Waiting does not mend it: the password or the rights are wrong. */
  readonly needsSomebody: boolean;

  constructor(cause: unknown) {
    super('temporarily_unavailable', 'Catwalk cannot store anything right now. Try again.', {
      cause,
    });
    this.needsSomebody = needsSomebody(cause);
  }
}

/** A provider gives up on a webhook after 10 s, so this must be well under it. */
const DEADLINE_MS = 5_000;

/**
 * Waits for work that needs Redis, but never for long.
 * @throws Unavailable when Redis is away, busy or locked, or does not answer in time. Whatever was
 *   being written may or may not be there; every write of ours may be repeated. Defect when Redis
 *   answers any other error: what we asked of it is wrong, and asking again mends nothing.
 */
export async function needingRedis<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unavailable('deadline')), DEADLINE_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } catch (error) {
    throw asThrown(error);
  } finally {
    clearTimeout(timer);
  }
}

function asThrown(error: unknown): unknown {
  if (error instanceof CatwalkError) return error;
  const trouble = redisTrouble(error);
  if (trouble === undefined) return error;
  if (trouble !== 'defect') return new Unavailable(error);
  // Without the error itself: an unknown command's arguments are in its message.
  return new Defect(`Redis answered ${error instanceof Error ? replyOf(error) : 'an error'}`);
}
