import type { Generation, InState } from '../generation/generation.ts';
import { createReschedule, type Owing, type Rescheduled } from '../store/reschedule.ts';
import { pageOf, walkRecords } from '../store/walk-records.ts';
import type { Operation } from './command.ts';

/** A generation that a round will check, and how often it had been checked before. */
export interface Waiting {
  readonly id: string;
  readonly polls: number;
}

/** The generations of one provider; each is counted once. */
export interface Affected {
  /** Submitted: made due now. */
  readonly waiting: Waiting[];
  /** Others that owe something and were missing in the schedule: put back at their own due time. */
  putBack: number;
  /** How many of each state were left as they are. */
  readonly leftAlone: Map<Generation['state'], number>;
}

export interface Findings {
  readonly byProvider: ReadonlyMap<string, Affected>;
  /** Records that cannot be read, and were passed over. */
  unreadable: number;
}

/**
 * Walks all records and makes due what ought to be checked now. A record that moves meanwhile is
 * decided about again.
 *
 * Only what is submitted is hurried. The due time of any other guards something: a request that is
 * in flight, a grace period, a provider's "not now".
 */
export async function findAffected(
  operation: Pick<Operation, 'redis' | 'keys' | 'store' | 'now'>,
  wanted: { providers: readonly string[]; since: number; dryRun: boolean },
): Promise<Findings> {
  const { store, now } = operation;
  const reschedule = createReschedule(operation);
  const byProvider = new Map(wanted.providers.map((name) => [name, none()]));
  const findings: Findings = { byProvider, unreadable: 0 };
  const seen = new Set<string>();

  for await (const page of walkRecords(operation)) {
    findings.unreadable += page.unreadable;
    let undecided: readonly Generation[] = page.generations.filter(
      (g) => byProvider.has(g.provider) && isSince(g, wanted.since) && !seen.has(g.id),
    );
    for (const { id } of undecided) seen.add(id);
    while (undecided.length > 0) {
      const owing = undecided.filter(owes);
      const answers = await (wanted.dryRun ? wouldBe(owing) : apply(owing));
      const movedOn = owing.filter((_, i) => answers[i] === 'moved-on').map(({ id }) => id);
      for (const g of undecided.filter((one) => !owes(one))) count(g, 'kept');
      for (const [i, g] of owing.entries()) count(g, answers[i] ?? 'kept');
      const again = pageOf(await store.loadAll(movedOn));
      findings.unreadable += again.unreadable;
      undecided = again.generations;
    }
  }
  return findings;

  async function wouldBe(owing: readonly Owing[]): Promise<Rescheduled[]> {
    return (await reschedule.missing(owing)).map((missing) => (missing ? 'put-back' : 'kept'));
  }

  function apply(owing: readonly Owing[]): Promise<Rescheduled[]> {
    const soonerAt = now();
    return reschedule.apply(
      owing.map((generation) =>
        generation.state === 'submitted' ? { generation, soonerAt } : { generation },
      ),
    );
  }

  function count(g: Generation, answer: Rescheduled): void {
    const affected = byProvider.get(g.provider);
    if (!affected || answer === 'moved-on') return;
    if (isWaiting(g)) affected.waiting.push({ id: g.id, polls: g.polls });
    else if (answer === 'put-back') affected.putBack += 1;
    else affected.leftAlone.set(g.state, (affected.leftAlone.get(g.state) ?? 0) + 1);
  }
}

const none = (): Affected => ({ waiting: [], putBack: 0, leftAlone: new Map() });

const isWaiting = (g: Generation): g is InState<'submitted'> => g.state === 'submitted';

/** Open, or not everybody was notified of its outcome yet. */
const owes = (g: Generation): g is Owing => g.dueAt !== undefined;

function isSince(g: Generation, since: number): boolean {
  return g.createdAt >= since || ('submittedAt' in g && (g.submittedAt ?? 0) >= since);
}
