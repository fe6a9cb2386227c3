import type { Logger } from '../../config/log.ts';
import { isFinal } from '../../generation/generation.ts';
import type { GenerationId } from '../../generation/ids.ts';
import type { VaultJob } from '../../generation/jobs.ts';
import type { Owed } from '../../store/kept-ledger.ts';
import type { Store } from '../../store/store.ts';
import type { Tried } from '../../vault/keep-result.ts';
import type { Vault } from '../../vault/vault.ts';
import type { TellingAdvance } from '../engine/advance.ts';
import type { NotYet } from '../engine/stage.ts';

/**
 * One job for each result that is owed, until it is kept or lost. Each time it runs it takes the
 * result whose link dies first, whichever that is, and comes again for its own.
 */
export function createKeep(parts: {
  vault: Vault;
  keepResult: (owed: Owed) => Promise<Tried>;
  leaseMs: number;
  store: Store;
  advance: Pick<TellingAdvance, 'tell'>;
  now: () => number;
  log: Logger;
}): (job: VaultJob) => Promise<NotYet | undefined> {
  const { vault, keepResult, leaseMs, store, advance, now, log } = parts;

  return async (job) => {
    const { taken, askedAt } = await vault.ledger.take(job, { now: now(), leaseMs });
    const tried = taken && (await tryOnce(taken));
    const isOwn = taken?.id === job.id && taken.index === job.index;
    if (isOwn) return tried?.kind === 'again' ? { notBefore: tried.at } : undefined;
    return askedAt === undefined ? undefined : { notBefore: Math.max(askedAt, now()) };
  };

  /** Its lease is short, so that a crash costs little of the link's life; it is renewed meanwhile. */
  async function tryOnce(owed: Owed): Promise<Tried> {
    const startedAt = now();
    const renew = (): void => void vault.ledger.putBack(owed, now() + leaseMs).catch(() => {});
    const renewing = setInterval(renew, leaseMs / 4);
    const tried = await keepResult(owed).finally(() => clearInterval(renewing));
    const line = { generation: owed.id, result: owed.index, durationMs: now() - startedAt };
    if (tried.kind === 'kept') log.info({ ...line, bytes: tried.bytes }, 'result kept');
    if (tried.kind === 'again')
      log.warn({ ...line, ...reasonOf(tried.why) }, 'result not kept yet');
    if (tried.kind === 'lost') log.error({ ...line, ...reasonOf(tried.why) }, 'result lost');
    if ((tried.kind === 'kept' || tried.kind === 'lost') && tried.isLast) await tell(owed.id);
    return tried;
  }

  /** Its completion waited for this. If it cannot be told now, the schedule tells it. */
  async function tell(id: GenerationId): Promise<void> {
    try {
      const generation = await store.load(id);
      if (generation && isFinal(generation) && generation.dueAt !== undefined) {
        await advance.tell(generation);
      }
    } catch (err) {
      log.warn({ generation: id, err }, 'completion not told yet');
    }
  }
}

function reasonOf({ why, cause, message }: Extract<Tried, { kind: 'lost' }>['why']) {
  return { reason: why, err: cause ?? message };
}
