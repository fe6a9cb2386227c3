import type { Job, Queue } from 'bullmq';
import { queueNames } from '../config/queues.ts';
import { triesBefore } from '../generation/jobs.ts';
import { CALLBACKS, createSubscribers } from '../store/subscribers.ts';
import type { Operation } from './command.ts';
import { deadJobReason, type JobSubject, subjectOf } from './dead-job.ts';
import type { RedriveFilter, RedriveOptions } from './redrive-options.ts';
import type { RedriveReport } from './redrive-report.ts';

const PAGE = 200;

/**
 * Runs jobs again that were given up: the very same jobs, with all their tries, so that ids and
 * payloads, and with them event ids, stay what they were. @throws ioredis's own errors.
 */
export async function redriveJobs(
  operation: Operation,
  options: RedriveOptions,
  report: RedriveReport,
  onPage: (read: number) => void,
): Promise<void> {
  for (const name of await queuesOf(operation, options.filter)) {
    const queue = operation.queues.get(name);
    // Listed before any is moved: running one again takes it out of the list.
    const ids = await listDead(operation, queue, options.filter, onPage);
    for (const { id, kind, code } of ids) {
      if (report.triedAgain() >= options.limit) return;
      const action = options.dryRun || (await runAgain(queue, id)) ? 'run_again' : 'no_longer_dead';
      report.add({ source: `queue ${name}`, class: kind, reason: code, action });
    }
  }
}

async function queuesOf(
  { redis, keys, providers }: Operation,
  filter: RedriveFilter,
): Promise<string[]> {
  if (filter.queues.length > 0) return [...new Set(filter.queues)];
  const subscribers = [...(await createSubscribers({ redis, keys }).names()), ...CALLBACKS];
  const wanted = [...providers.keys(), ...filter.providers].filter(
    (name) => filter.providers.length === 0 || filter.providers.includes(name),
  );
  return [
    ...subscribers.map(queueNames.subscriber).sort(),
    queueNames.completions,
    ...[...new Set(wanted)].map(queueNames.submit),
  ];
}

interface Dead extends ReturnType<typeof deadJobReason> {
  readonly id: string;
}

/** Oldest first. */
async function listDead(
  operation: Operation,
  queue: Queue,
  filter: RedriveFilter,
  onPage: (read: number) => void,
): Promise<Dead[]> {
  const dead: Dead[] = [];
  for (let from = 0; ; from += PAGE) {
    const page: Job[] = await queue.getJobs(['failed'], from, from + PAGE - 1, true);
    for (const job of page) {
      const reason = deadJobReason(queue.name, job.failedReason ?? '');
      if (job.id === undefined || !fits(job, reason, filter)) continue;
      if (await isAbout(operation, subjectOf(queue.name, job.data), filter)) {
        dead.push({ id: job.id, ...reason });
      }
    }
    onPage(page.length);
    if (page.length < PAGE) return dead;
  }
}

function fits(job: Job, reason: { kind: string; code: string }, filter: RedriveFilter): boolean {
  const failedAt = job.finishedOn ?? 0;
  if (failedAt < filter.since || failedAt > filter.until) return false;
  if (filter.classes.length > 0 && !filter.classes.includes(reason.kind)) return false;
  return filter.reasons.length === 0 || filter.reasons.includes(reason.code);
}

/** Where the job does not say whose it is, its generations' records do. */
async function isAbout(
  { store }: Operation,
  subject: JobSubject,
  { ids, tenant, providers }: RedriveFilter,
): Promise<boolean> {
  if (ids.length > 0 && !subject.ids.some((id) => (ids as readonly string[]).includes(id))) {
    return false;
  }
  const isTheirs = (about: { tenant?: string; provider?: string }): boolean =>
    (tenant === undefined || about.tenant === tenant) &&
    (providers.length === 0 || providers.includes(about.provider ?? ''));
  if (isTheirs(subject)) return true;
  if (subject.tenant !== undefined) return false;
  const records = await store.loadAll(subject.ids);
  return records.some((g) => g !== undefined && 'tenant' in g && isTheirs(g));
}

/** @returns false when it is not dead any more: somebody else ran it again, or it is gone. */
async function runAgain(queue: Queue, id: string): Promise<boolean> {
  const job = await queue.getJob(id);
  if (!job || !(await job.isFailed())) return false;
  try {
    // Those that it had in another lane count no more either.
    if (triesBefore(job.data) > 0) {
      await job.updateData({ ...job.data, moved: { ...job.data.moved, tries: 0 } });
    }
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
    return true;
  } catch (error) {
    if (await job.isFailed()) throw error;
    return false;
  }
}
