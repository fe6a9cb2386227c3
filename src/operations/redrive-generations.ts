import { pollProfileFor } from '../config/poll-profiles.ts';
import type { Generation, Unsuccessful } from '../generation/generation.ts';
import { newGenerationId } from '../generation/ids.ts';
import { reasonClass } from '../generation/reason-class.ts';
import { type RedriveStart, redriven, redriveOnce, redriveWay } from '../generation/redrive.ts';
import { keyWindowMs } from '../providers/provider.ts';
import { pageOf, walkRecords } from '../store/walk-records.ts';
import type { Operation } from './command.ts';
import { createPace, type Pace } from './pace.ts';
import type { RedriveFilter, RedriveOptions } from './redrive-options.ts';
import { type RedriveAction, type RedriveReport, triesAgain } from './redrive-report.ts';

/**
 * Tries generations again that failed or timed out: each by one new record, written together with
 * the note that it was. Whoever comes second finds the note. @throws ioredis's own errors; what is
 * done by then stays done.
 */
export async function redriveGenerations(
  operation: Operation,
  options: RedriveOptions,
  report: RedriveReport,
  onPage: (read: number) => void,
): Promise<void> {
  const seen = new Set<string>();
  const pace = createPace(operation.providers);
  for await (const page of pagesOf(operation, options.filter, report)) {
    const wanted = page.filter((g) => isWanted(g, options.filter));
    const before = await redrivenBefore(operation, wanted);
    for (const [index, old] of wanted.entries()) {
      if (report.triedAgain() >= options.limit) return;
      if (seen.has(old.id)) continue;
      seen.add(old.id);
      const action = before[index]
        ? 'redriven_before'
        : await redriveOne(operation, old, { options, pace, report });
      report.add({
        source: `generations of ${old.provider}`,
        class: reasonClass(old),
        reason: old.reason.code,
        action,
      });
    }
    onPage(page.length);
  }
}

async function* pagesOf(
  { store, redis, keys }: Operation,
  { ids }: RedriveFilter,
  report: RedriveReport,
): AsyncGenerator<readonly Generation[]> {
  const pages = ids.length > 0 ? [pageOf(await store.loadAll(ids))] : walkRecords({ redis, keys });
  for await (const { generations, unreadable } of pages) {
    report.passedOver(unreadable);
    yield generations;
  }
}

function isWanted(g: Generation, filter: RedriveFilter): g is Unsuccessful {
  if (g.state !== 'failed' && g.state !== 'timed_out') return false;
  const fits = (list: readonly string[], value: string) =>
    list.length === 0 || list.includes(value);
  if (g.createdAt >= filter.askedBefore) return false;
  return (
    fits(filter.providers, g.provider) &&
    fits(filter.reasons, g.reason.code) &&
    fits(filter.classes, reasonClass(g)) &&
    (filter.tenant === undefined || filter.tenant === g.tenant) &&
    g.finishedAt >= filter.since &&
    g.finishedAt <= filter.until
  );
}

async function redrivenBefore(
  { redis, keys }: Operation,
  olds: readonly Unsuccessful[],
): Promise<boolean[]> {
  if (olds.length === 0) return [];
  const notes = olds.map(({ id, tenant }) => keys.idempotency(tenant, redriveOnce(id).key));
  return (await redis.mget(notes)).map((note) => note !== null);
}

async function redriveOne(
  { store, providers, settings }: Operation,
  old: Unsuccessful,
  { options, pace, report }: { options: RedriveOptions; pace: Pace; report: RedriveReport },
): Promise<RedriveAction> {
  const provider = providers.get(old.provider);
  const model = provider && Object.hasOwn(provider.models, old.model) && provider.models[old.model];
  if (!provider || !model) return 'not_known_here';

  const now = Date.now();
  const dueAt = pace.next(old.provider, now);
  const rules = { repeatSubmit: provider.repeatSubmit.kind, keyWindowMs: keyWindowMs(provider) };
  const way = redriveWay(old, { rules, dueAt, payAgain: options.payAgain });
  const about = { provider: old.provider, name: old.model, recommended: model.poll };
  const start: RedriveStart = {
    id: newGenerationId(now),
    now,
    dueAt,
    maxQueuedMs: settings.MAX_QUEUED_MS,
    giveUpAfterMs: pollProfileFor(model.type, about, settings.POLL_PROFILES).giveUpAfterMs,
  };
  const generation = redriven(old, way, start);
  if (!generation) return 'may_pay_twice';
  if (triesAgain(way)) {
    pace.took(old.provider, dueAt);
    report.lastBegins(dueAt - now);
  }
  if (options.dryRun) return way;
  const earlier = await store.create(generation, redriveOnce(old.id));
  // Our own id: ioredis sent the same write twice because a connection broke.
  if (earlier && earlier.id !== generation.id) return 'redriven_before';
  report.began(generation.id, old.id);
  return way;
}
