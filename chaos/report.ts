import type { Verdict } from '../rig/run-tool.ts';
import type { Findings } from './audit.ts';
import type { FaultKind } from './plan-faults.ts';

/** What a run brought, besides the audit. */
export interface Run {
  readonly faults: Readonly<Record<FaultKind, number>>;
  /** Processes that did not obey SIGTERM in time. */
  readonly forced: number;
  readonly webhooks: Readonly<Record<string, number>>;
  readonly durationMs: number;
  /** It was ended by its own deadline. */
  readonly isCutShort: boolean;
}

interface Line {
  readonly name: string;
  readonly label: string;
  readonly value: number;
  /** How the number is to be read; whole unless told. */
  readonly digits?: number;
  /** Absent where nothing was promised. */
  readonly promise?: { readonly text: string; readonly isKept: boolean };
}

const FAULTS: Readonly<Record<FaultKind, string>> = {
  'kill-worker': 'kill -9: worker',
  'kill-web': 'kill -9: web process',
  'kill-redis': 'kill -9: Redis',
  'stop-worker': 'SIGTERM: worker',
  'stop-web': 'SIGTERM: web process',
  'script-flush': 'Redis forgot its scripts',
  'read-only': 'Redis was read-only',
  'out-of-memory': 'Redis was out of memory',
  outage: 'providers out of order',
  'unknown-tasks': 'providers that knew no task',
};

const MOST_DELIVERIES = 1.01;
const LEAST_RESOLVED = 0.995;

/** How Redis was set up and killed. */
export interface RedisRules {
  /** `everysec`: what was accepted in the second before a kill may be lost, and is told apart. */
  readonly mayLoseLastSecond: boolean;
  /** And with power cuts it surely is. */
  readonly losesLastSecond: boolean;
}

/** Everything that is told, and what was promised about it. */
function linesOf(found: Findings, run: Run, rules: RedisRules): Line[] {
  const { paidTwice, byOutcome } = found;
  const none = (value: number) => ({ text: '0', isKept: value === 0 });
  const surelyLost = found.lost - (rules.mayLoseLastSecond ? found.lostWithRedis : 0);
  const promise = (name: string, label: string, value: number): Line => ({
    name,
    label,
    value,
    promise: none(value),
  });
  const fact = (name: string, label: string, value: number, digits = 0): Line => ({
    name,
    label,
    value,
    digits,
  });
  return [
    fact('planned', 'generations asked for', found.planned),
    {
      ...fact('accepted', 'accepted', found.accepted),
      promise: { text: 'all', isKept: found.accepted === found.planned },
    },
    fact('limited429', 'answers 429, asked again', found.limited429),
    fact('refused503', 'answers 503, asked again', found.refused503),
    fact('unanswered', 'no answer, asked again', found.unanswered),
    promise('lost', 'lost generations', surelyLost),
    fact('lostWithRedis', 'lost with the second before Redis died', found.lostWithRedis),
    promise('open', 'generations still open', found.open),
    fact('paid', 'paid submissions', found.paid),
    promise('paidTwiceKey', 'paid twice: idempotency key', paidTwice['idempotency-key']),
    promise('paidTwiceReference', 'paid twice: unique reference', paidTwice['unique-reference']),
    promise('paidTwiceSearch', 'paid twice: search', paidTwice.search),
    promise('paidTwiceNone', 'paid twice: none, policy fail', paidTwice.none),
    promise('notToldOnce', 'generations told as several events', found.notToldOnce),
    {
      ...fact('deliveries', 'deliveries per generation', found.deliveriesPerGeneration, 4),
      // What the subscriber had done in that second, it is notified again.
      ...(!rules.losesLastSecond && {
        promise: {
          text: `<= ${MOST_DELIVERIES}`,
          isKept: found.deliveriesPerGeneration <= MOST_DELIVERIES,
        },
      }),
    },
    {
      ...fact('uncalled', 'of quiet tenants, told but never called back', found.uncalled),
      ...(!rules.losesLastSecond && { promise: none(found.uncalled) }),
    },
    fact('quietToldP95', 'quiet tenants: accepted to told, p95, s', found.quietToldP95, 2),
    fact(
      'quietCalledP95',
      'quiet tenants: accepted to called back, p95, s',
      found.quietCalledP95,
      2,
    ),
    fact('noisyToldP95', 'the noisy tenant: accepted to told, p95, s', found.noisyToldP95, 2),
    promise('lateLost', 'late results lost, or told otherwise than once', found.lateLost),
    fact('late', 'late results told', found.late),
    promise('unkept', 'results lost to expiry', found.unkept),
    fact('files', 'results that are files', found.files),
    promise('forgedAccepted', 'forged deliveries accepted', found.forgedAccepted),
    promise('wrongOutcome', 'ended otherwise than the provider', found.wrongOutcome),
    {
      ...fact('resolvedAlone', 'resolved without a person, %', found.resolvedAlone * 100, 2),
      promise: {
        text: `>= ${LEAST_RESOLVED * 100}`,
        isKept: found.resolvedAlone >= LEAST_RESOLVED,
      },
    },
    fact('outcomeUnknown', 'told as outcome_unknown', found.outcomeUnknown),
    promise('deadJobs', 'jobs that were given up', found.deadJobs),
    promise('answered500', 'answers 500', found.answered500),
    promise('forced', 'did not obey SIGTERM in time', run.forced),
    promise('endedByThemselves', 'processes that ended by themselves', found.endedByThemselves),
    ...['completed', 'failed', 'timed_out'].map((name) => fact(name, name, byOutcome[name] ?? 0)),
    // The keys of FAULTS are the kinds.
    ...(Object.keys(FAULTS) as FaultKind[]).map((kind) =>
      fact(`faults.${kind}`, FAULTS[kind], run.faults[kind]),
    ),
    ...Object.entries(run.webhooks).map(([name, value]) =>
      fact(`webhooks.${name}`, `webhooks on their way: ${name}`, value),
    ),
    fact('seconds', 'seconds', run.durationMs / 1000, 1),
  ];
}

export function report(
  found: Findings,
  run: Run,
  options: { json: boolean; redis: RedisRules; about: object },
): Verdict {
  const lines = linesOf(found, run, options.redis);
  const isKept = !run.isCutShort && lines.every(({ promise }) => promise?.isKept ?? true);
  if (options.json) {
    const values = Object.fromEntries(lines.map(({ name, value }) => [name, value]));
    const broken = lines.filter((line) => line.promise?.isKept === false).map(({ name }) => name);
    const { learnedBy, suspects } = found;
    const { isCutShort } = run;
    const all = { ...options.about, isKept, isCutShort, broken, ...values, learnedBy, suspects };
    return { isKept, text: `${JSON.stringify(all, null, 2)}\n` };
  }
  const notes = Object.entries(found.suspects).flatMap(([why, who]) => [
    `${why}:`,
    ...who.map((name) => `  ${name}`),
  ]);
  if (run.isCutShort) notes.push('The run was cut short by --minutes.');
  return { isKept, text: `${[table(lines), ...notes].join('\n')}\n` };
}

function table(lines: readonly Line[]): string {
  const rows = [
    ['what', 'value', 'promised', ''],
    ...lines.map(({ label, value, digits = 0, promise }) => [
      label,
      value.toFixed(digits),
      promise?.text ?? '',
      promise && !promise.isKept ? 'BROKEN' : '',
    ]),
  ];
  const width = (column: number): number =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const text = rows.map(([what = '', value = '', promised = '', verdict = '']) =>
    `${what.padEnd(width(0))}  ${value.padStart(width(1))}  ${promised.padEnd(width(2))}  ${verdict}`.trimEnd(),
  );
  text.splice(1, 0, '-'.repeat(Math.max(...text.map((line) => line.length))));
  return `\n${text.join('\n')}\n`;
}
