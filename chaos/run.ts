import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../rig/cleanup.ts';
import type { Say } from '../rig/run-tool.ts';
import type { App, Record as Shown } from './app.ts';
import { audit, type Findings } from './audit.ts';
import { type Backlog, readBacklog } from './backlog.ts';
import { Books } from './books.ts';
import { type Faults, startFaults } from './faults.ts';
import { type Heard, readHeard } from './heard.ts';
import type { ChaosOptions } from './options.ts';
import { makePlan } from './plan.ts';
import type { Run } from './report.ts';
import { type Stage, startStage } from './stage.ts';
import { isNoisy, type Tenant } from './tenants.ts';

const CHECK_EVERY_MS = 1_000;
const PROGRESS_EVERY_MS = 10_000;
/** Longer than anything is left alone: a send that counts as lost after 53 s, and its 30 s of grace. */
const NOTHING_NEW_MS = 120_000;
/** When nothing is left to do, nothing can come any more. */
const NOTHING_LEFT_MS = 10_000;
const READERS = 16;

/** One run from an empty Redis to the audit. Everything it starts is stopped by `cleanup`. */
export async function runChaos(
  options: ChaosOptions,
  cleanup: Cleanup,
  say: Say,
): Promise<{ findings: Findings; run: Run }> {
  const startedAt = Date.now();
  const signal = enoughAfter(options.mostMinutes * 60_000, cleanup);
  const plan = makePlan(options);
  const stage = await startStage(options, plan, cleanup, say);
  const { app, pipeline } = stage;

  say(`asking for ${options.generations} generations and breaking things`);
  const faults = startFaults(plan.faults, stage, signal);
  const progress = setInterval(async () => say(await progressOf(stage, faults)), PROGRESS_EVERY_MS);
  cleanup.add(() => clearInterval(progress));
  const all = Promise.all([app.askAll(plan.requests, signal), faults.finished]);
  // The one party that is never broken: without its books nothing can be compared.
  await Promise.race([all, stage.providers.process.failed]);
  const backlog = await untilQuiet(stage, options.naive, signal);
  clearInterval(progress);

  say('comparing the books');
  const heard = await readHeard(stage.heardFile);
  const findings = audit({
    asked: app.asked,
    records: options.naive ? recordsFrom(heard) : await readAll(app),
    heard,
    calledAtMs: options.naive ? firstHeard(heard) : stage.callbacks.calledAtMs,
    books: await stage.providers.books(Books),
    redisKilledAtMs: faults.redisKilledAtMs,
    deadJobs: backlog.dead,
    endedByThemselves: pipeline.all.reduce((sum, program) => sum + program.endedByItself, 0),
  });
  const durationMs = Date.now() - startedAt;
  const { webhooks } = stage.front;
  return {
    findings,
    run: {
      faults: faults.done,
      forced: faults.forced,
      webhooks,
      durationMs,
      isCutShort: signal.aborted,
    },
  };
}

/** Aborted when the time is up, and when everything is being stopped. */
function enoughAfter(mostMs: number, cleanup: Cleanup): AbortSignal {
  const enough = new AbortController();
  // Every planned request and fault listens to it.
  setMaxListeners(0, enough.signal);
  const limit = setTimeout(() => enough.abort(), mostMs);
  cleanup.add(() => {
    clearTimeout(limit);
    enough.abort();
  });
  return enough.signal;
}

async function progressOf({ app, callbacks, heardFile }: Stage, { done }: Faults): Promise<string> {
  const told = new Set((await readHeard(heardFile)).map(({ generationId }) => generationId));
  const accepted = app.asked.filter(({ id }) => id !== undefined).length;
  const faults = Object.values(done).reduce((sum, times) => sum + times, 0);
  const called = callbacks.calledAtMs.size;
  return `${accepted} accepted, ${told.size} told, ${called} called back; ${faults} faults`;
}

/** Waits until everyone was notified and nothing is left to do, or until nothing happens any more. */
async function untilQuiet(
  { app, redis, callbacks: { calledAtMs }, heardFile }: Stage,
  isNaive: boolean,
  signal: AbortSignal,
): Promise<Backlog> {
  let newsAt = Date.now();
  let news = '';
  let backlog: Backlog = { open: 0, dead: 0 };
  while (!signal.aborted) {
    backlog = await readBacklog(redis.url);
    const heard = await readHeard(heardFile);
    const told = new Set(heard.map(({ generationId }) => generationId));
    const isToldOf = (id: string, tenant: Tenant): boolean =>
      told.has(id) && (isNaive || isNoisy(tenant) || calledAtMs.has(id));
    const isAllTold = app.asked.every(
      ({ id, planned }) => id === undefined || isToldOf(id, planned.tenant),
    );
    if (isAllTold && backlog.open === 0) break;
    const now = `${heard.length} ${calledAtMs.size} ${backlog.open}`;
    if (now !== news) newsAt = Date.now();
    news = now;
    const isAllHeard = app.asked.every(({ id }) => id === undefined || told.has(id));
    // A callback may be between two tries when nothing else is left.
    const isNothingLeft = backlog.open === 0 && (isNaive || !isAllHeard);
    const patienceMs = isNothingLeft ? NOTHING_LEFT_MS : NOTHING_NEW_MS;
    if (Date.now() - newsAt > patienceMs) break;
    await wait(CHECK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return backlog;
}

async function readAll(app: App): Promise<Map<string, Shown | undefined>> {
  const records = new Map<string, Shown | undefined>();
  const left = app.asked.flatMap(({ id, planned: { tenant } }) => (id ? [{ id, tenant }] : []));
  const reader = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop())
      records.set(one.id, await app.read(one.id, one.tenant));
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return records;
}

/** The naive pipeline knows no callbacks: that it notified is all that there is. */
function firstHeard(heard: readonly Heard[]): Map<string, number> {
  const inReverse = heard.toReversed();
  return new Map(inReverse.map(({ generationId, atMs }) => [generationId, atMs]));
}

/** The naive pipeline keeps no records: what it notified first is all that is known. */
function recordsFrom(heard: readonly Heard[]): Map<string, Shown | undefined> {
  const records = new Map<string, Shown>();
  for (const { generationId, outcome, reason } of heard) {
    if (!records.has(generationId)) {
      records.set(generationId, {
        ...{ status: outcome, reason, via: null, late: null },
        ...{ files: 0, kept: 0 },
      });
    }
  }
  return records;
}
