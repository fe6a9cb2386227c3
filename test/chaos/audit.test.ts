import { describe, expect, test } from 'vitest';
import type { Asked, Record as Shown } from '../../chaos/app.ts';
import { audit, type Evidence } from '../../chaos/audit.ts';
import type { PlannedScenario } from '../../chaos/catalogue.ts';
import { report } from '../../chaos/report.ts';
import type { Tenant } from '../../chaos/tenants.ts';

const KILLED_AT = 1_000_000;

function asked(
  index: number,
  scenario: PlannedScenario = 'ok',
  provider = 'fashn',
  tenant: Tenant = 'quiet-1',
): Asked {
  const planned = { index, tenant, provider, scenario, atMs: 0 };
  const answers = { limited: 0, refused: 0, unanswered: 0, broken: 0 };
  return { planned, id: `g${index}`, acceptedAtMs: 0, ...answers };
}

const told = (index: number, eventId = `e${index}`) => ({
  eventId,
  generationId: `g${index}`,
  outcome: 'completed',
  reason: null,
  atMs: 1_000,
});

const paid = (index: number) => ({
  taskId: `t${Math.random()}`,
  marker: String(index),
  isPaid: true,
  finalStatus: 'completed',
  webhookAttempts: [] as { kind: string; answeredStatus: number | null }[],
});

/** One picture, and it is kept. */
const FILES = { files: 1, kept: 1 };

const completed: Shown = {
  status: 'completed',
  reason: null,
  via: 'webhook',
  late: null,
  ...FILES,
};

/** What is shown of the first generation, completed, and of the second. */
const shown = (second?: Shown) =>
  new Map([['g1', completed], ...(second ? ([['g2', second]] as const) : [])]);

/** Two generations, everything in order. */
function inOrder(changes: Partial<Evidence> = {}): Evidence {
  return {
    asked: [asked(1), asked(2)],
    records: shown(completed),
    heard: [told(1), told(2)],
    calledAtMs: new Map([
      ['g1', 2_000],
      ['g2', 2_000],
    ]),
    books: { fashn: { accepted: [paid(1), paid(2)] } },
    redisKilledAtMs: [KILLED_AT],
    deadJobs: 0,
    endedByThemselves: 0,
    ...changes,
  };
}

const GAVE_UP: Shown = {
  status: 'timed_out',
  reason: 'gave_up',
  via: 'deadline',
  late: 'completed',
  ...FILES,
};

const FAULTS = {
  'kill-worker': 1,
  'kill-web': 1,
  'stop-worker': 1,
  'stop-web': 1,
  'kill-redis': 1,
  'script-flush': 1,
  'read-only': 1,
  'out-of-memory': 1,
  outage: 1,
  'unknown-tasks': 1,
};
const run = { faults: FAULTS, forced: 0, webhooks: {}, durationMs: 1_000, isCutShort: false };
const REPORTED = {
  json: true,
  redis: { mayLoseLastSecond: true, losesLastSecond: false },
  about: {},
};
const verdict = (evidence: Evidence, mayLoseLastSecond = true) =>
  report(audit(evidence), run, {
    ...REPORTED,
    redis: { mayLoseLastSecond, losesLastSecond: false },
  });
const broken = (evidence: Evidence, mayLoseLastSecond = true): unknown =>
  JSON.parse(verdict(evidence, mayLoseLastSecond).text).broken;

describe('the audit', () => {
  test('finds nothing where everything is in order', () => {
    expect(verdict(inOrder()).isKept).toBe(true);
    expect(audit(inOrder())).toMatchObject({ accepted: 2, paid: 2, resolvedAlone: 1 });
  });

  test.each<[string, Partial<Evidence>]>([
    ['accepted', { asked: [asked(1), asked(2), { ...asked(3), id: undefined } as never] }],
    ['lost', { records: shown() }],
    ['lost', { heard: [told(1)] }],
    ['unkept', { records: shown({ ...completed, kept: 0 }) }],
    [
      'open',
      { records: shown({ status: 'processing', reason: null, via: null, late: null, ...FILES }) },
    ],
    ['paidTwiceNone', { books: { fashn: { accepted: [paid(1), paid(1), paid(2)] } } }],
    ['paidTwiceKey', { books: { fitinview: { accepted: [paid(1), paid(1)] } } }],
    ['paidTwiceReference', { books: { atelier: { accepted: [paid(1), paid(1)] } } }],
    ['paidTwiceSearch', { books: { 'image-intelligence': { accepted: [paid(1), paid(1)] } } }],
    ['notToldOnce', { heard: [told(1), told(2), told(2, 'another')] }],
    ['uncalled', { calledAtMs: new Map([['g1', 2_000]]) }],
    ['deliveries', { heard: [told(1), told(2), told(2)] }],
    [
      'wrongOutcome',
      {
        records: shown({
          status: 'failed',
          reason: 'provider_error',
          via: 'webhook',
          late: null,
          ...FILES,
        }),
      },
    ],
    [
      'lateLost',
      {
        asked: [asked(1), asked(2, 'late-truth')],
        records: shown({ ...GAVE_UP, late: null, ...FILES }),
      },
    ],
    ['lateLost', { records: shown(GAVE_UP) }],
    ['lateLost', { heard: [told(1), told(2), { ...told(2, 'late'), isLate: true }] }],
    ['answered500', { asked: [asked(1), { ...asked(2), broken: 1 }] }],
    ['deadJobs', { deadJobs: 1 }],
    ['endedByThemselves', { endedByThemselves: 1 }],
  ])('sees a broken promise: %s', (name, changes) => {
    expect(broken(inOrder(changes))).toContain(name);
  });

  test('a webhook that was answered 500, and a process that had to be forced, are seen', () => {
    const webhookAttempts = [{ kind: 'true', answeredStatus: 500 }];
    const books = { fashn: { accepted: [{ ...paid(1), webhookAttempts }] } };
    expect(broken(inOrder({ books }))).toEqual(['answered500']);
    const { text } = report(audit(inOrder()), { ...run, forced: 1 }, REPORTED);
    expect(JSON.parse(text).broken).toEqual(['forced']);
  });

  test('a forged claim that was believed is seen by its outcome, and by the answer to it', () => {
    const records = shown({
      status: 'failed',
      reason: 'provider_error',
      via: 'webhook',
      late: null,
      ...FILES,
    });
    const believed = inOrder({ asked: [asked(1), asked(2, 'forged-signature')], records });
    expect(audit(believed).forgedAccepted).toBe(1);
    const webhookAttempts = [{ kind: 'forged', answeredStatus: 200 }];
    const answered = { fitinview: { accepted: [{ ...paid(1), webhookAttempts }] } };
    expect(audit(inOrder({ books: answered })).forgedAccepted).toBe(1);
    // Without signatures a delivery is a hint, whoever sent it.
    const hint = { fashn: { accepted: [{ ...paid(1), webhookAttempts }] } };
    expect(audit(inOrder({ books: hint })).forgedAccepted).toBe(0);
  });

  test('what is lost with the last second of Redis is told apart, and allowed only where it can be', () => {
    const lastSecond = { ...asked(3), acceptedAtMs: KILLED_AT - 500 };
    const evidence = inOrder({ asked: [asked(1), asked(2), lastSecond] });
    expect(audit(evidence)).toMatchObject({ lost: 1, lostWithRedis: 1 });
    expect(broken(evidence, true)).not.toContain('lost');
    expect(broken(evidence, false)).toContain('lost');
    const earlier = { ...lastSecond, acceptedAtMs: KILLED_AT - 5_000 };
    expect(broken(inOrder({ asked: [asked(1), asked(2), earlier] }), true)).toContain('lost');
  });

  test('what was done late, and told once, needs nobody', () => {
    const heard = [told(1), told(2), { ...told(2, 'late'), isLate: true as const }];
    const found = inOrder({
      asked: [asked(1), asked(2, 'late-truth')],
      records: shown(GAVE_UP),
      heard,
    });
    expect(broken(found)).toEqual([]);
    expect(audit(found)).toMatchObject({ late: 1, lateLost: 0, resolvedAlone: 1 });
  });

  test('how soon the quiet tenants were told and called back is told apart from the noisy one', () => {
    const evidence = inOrder({
      asked: [asked(1), asked(2, 'ok', 'fashn', 'noisy')],
      heard: [told(1), { ...told(2), atMs: 9_000 }],
      // Nobody takes the noisy one's callbacks, and nobody misses them.
      calledAtMs: new Map([['g1', 3_000]]),
    });
    expect(broken(evidence)).toEqual([]);
    expect(audit(evidence)).toMatchObject({
      ...{ quietToldP95: 1, quietCalledP95: 3, noisyToldP95: 9, uncalled: 0 },
    });
  });

  test('a repeat does not make the first word later', () => {
    const heard = [told(1), told(2), { ...told(2), atMs: 99_000 }];
    expect(audit(inOrder({ heard }))).toMatchObject({ quietToldP95: 1 });
  });

  test('"nobody knows" is an honest outcome, but not one that needs nobody', () => {
    const records = shown({
      status: 'failed',
      reason: 'outcome_unknown',
      via: 'policy',
      late: null,
      ...FILES,
    });
    const found = audit(inOrder({ records }));
    expect(found).toMatchObject({ outcomeUnknown: 1, wrongOutcome: 0, resolvedAlone: 0.5 });
  });
});
