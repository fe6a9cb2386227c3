import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../rig/cleanup.ts';
import type { Say } from '../rig/run-tool.ts';
import type { Child } from '../rig/start-process.ts';
import { compareBooks, type Findings } from './books.ts';
import { createCampaign, type Row } from './campaign.ts';
import { DIALECTS } from './dialects.ts';
import { FAMILIES, familyNamed, shareOut } from './families/catalogue.ts';
import { Ready, ShopReport } from './messages.ts';
import type { AttackOptions } from './options.ts';
import { type Stage, startStage } from './stage.ts';

/** What a run has shown. */
export interface Outcome {
  readonly rows: readonly Row[];
  readonly findings: Findings;
  /** Connections to where names of the attacker's led. */
  readonly trapped: number;
  readonly isHealthy: boolean;
  /** What the web process held open before, and what it holds after. */
  readonly handles: { readonly before: number; readonly after: number };
  readonly crashes: number;
  readonly webPeakBytes: number;
  readonly workerPeakBytes: number;
  readonly limitKind: string;
  readonly durationMs: number;
}

const REDIS_AWAY_MS = 4_000;
/** Longer than a simulated task takes. */
const SETTLE_MS = 2_500;
const HANDLES_BACK_MS = 30_000;
/** Connections of the shop's and the wiretap's that are kept for reuse. */
const SPARE_HANDLES = 50;
const REPORT_MS = 200_000;
const ALL_OVERHEARD_MS = 60_000;

/** One run from an empty Redis to the books. Everything it starts is stopped by `cleanup`. */
export async function runAttack(
  options: AttackOptions,
  cleanup: Cleanup,
  say: Say,
): Promise<Outcome> {
  const startedAt = Date.now();
  const stage = await startStage(options, cleanup, say);
  const { shop, catwalk, providers } = stage;
  const { web, worker } = catwalk;

  say('real generations alone');
  await shop.ask({ do: 'begin', phase: 'quiet', perSecond: options.ratePerSecond }, Ready);
  await Promise.all([wait(options.quietSeconds * 1_000), allOverheard(stage)]);
  const before = await web.openHandles();

  const rows = await attackAll(stage, options, say);

  say('real generations end; comparing the books');
  const { generations } = await shop.ask({ do: 'end' }, ShopReport, REPORT_MS);
  const isHealthy = await answersWell(stage);
  await Promise.all(Object.values(stage.attackers).map((attacker) => attacker.stop()));
  const after = await handlesBack(stage, before);
  return {
    rows,
    findings: compareBooks(generations, await providers.books()),
    ...{ trapped: stage.trap.visits(), isHealthy, handles: { before, after } },
    crashes: catwalk.crashes(),
    webPeakBytes: web.peakBytes(),
    workerPeakBytes: worker.peakBytes(),
    limitKind: catwalk.limitKind,
    durationMs: Date.now() - startedAt,
  };
}

/** The attacker waits until it has heard a delivery of every provider. */
async function allOverheard({ wiretap }: Stage): Promise<void> {
  const deadline = Date.now() + ALL_OVERHEARD_MS;
  while (Date.now() < deadline) {
    const heard = new Set(wiretap.overheard().map(({ provider }) => provider));
    if (Object.keys(DIALECTS).every((provider) => heard.has(provider))) return;
    await wait(100);
  }
  throw new Error('Not every provider’s webhook has arrived: the stage itself does not work.');
}

/** Without Redis first, for what that holds up may take half a minute to be found again. */
async function attackAll(stage: Stage, options: AttackOptions, say: Say): Promise<Row[]> {
  const { shop, redis, attackers, catwalk } = stage;
  let isRedisAway = false;
  const campaign = createCampaign({
    ...{ seed: options.seed, crashes: catwalk.crashes },
    target: async () => ({ ...(await stage.target()), isRedisAway }),
    say: (line) => say(`${line}; web process ${megabytes(catwalk.web.peakBytes())} at most`),
  });
  const chosen = options.only === undefined ? FAMILIES : [familyNamed(options.only)];
  const counts = [...shareOut(chosen, options.attempts)];
  const begin = (phase: string) =>
    shop.ask({ do: 'begin', phase, perSecond: options.ratePerSecond }, Ready);

  for (const [family, count] of counts.filter(([{ needsRedisAway }]) => needsRedisAway)) {
    await begin('without Redis');
    // What was under way before shall not count as felt in quiet.
    await wait(SETTLE_MS);
    isRedisAway = true;
    const back = standStill(redis.pid);
    await campaign.attack(attackers.quick, family, count);
    await back;
    isRedisAway = false;
    await catwalk.web.untilReady();
  }
  say('under attack');
  await begin('under attack');
  const inTurn = async (attacker: Child, isPatient: boolean): Promise<void> => {
    for (const [family, count] of counts) {
      const isOurs = (family.isPatient ?? false) === isPatient && !family.needsRedisAway;
      if (isOurs) await campaign.attack(attacker, family, count);
    }
  };
  await Promise.all([inTurn(attackers.patient, true), inTurn(attackers.quick, false)]);
  for (const [family] of counts) {
    await campaign.conclude(family.isPatient ? attackers.patient : attackers.quick, family);
  }
  return campaign.rows();
}

/** Redis is there and answers nothing, for a while. It goes on whatever happens to us in between. */
async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const goOn = (): void => void process.kill(pid, 'SIGCONT');
  process.once('exit', goOn);
  try {
    await wait(REDIS_AWAY_MS);
  } finally {
    process.off('exit', goOn);
    goOn();
  }
}

async function answersWell({ catwalk: { web, worker } }: Stage): Promise<boolean> {
  return await Promise.all([web.untilReady(), worker.untilReady()]).then(
    () => true,
    () => false,
  );
}

/** What the attack had opened is closed again, soon. */
async function handlesBack({ catwalk: { web } }: Stage, before: number): Promise<number> {
  const deadline = Date.now() + HANDLES_BACK_MS;
  let now = await web.openHandles();
  while (now > before + SPARE_HANDLES && Date.now() < deadline) {
    await wait(500);
    now = await web.openHandles();
  }
  return now;
}

export function handlesAreBack({ before, after }: Outcome['handles']): boolean {
  return after <= before + SPARE_HANDLES;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MB`;
}
