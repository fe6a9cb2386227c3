import type { Decision } from '../../src/generation/decision.ts';
import type { GenerationEvent } from '../../src/generation/events.ts';
import { type Generation, isFinal } from '../../src/generation/generation.ts';
import { redriven, redriveWay } from '../../src/generation/redrive.ts';
import type { Rules } from '../../src/generation/rules.ts';
import { decide } from '../../src/generation/state-machine.ts';
import type { Flaws } from './world.ts';

type Change = (
  decision: Decision,
  about: { generation: Generation; event: GenerationEvent; now: number; rules: Rules },
) => Decision;

const deciding = (change: Change): Flaws => ({
  decide: (generation, event, now, rules) =>
    change(decide(generation, event, now, rules), { generation, event, now, rules }),
});

/** An overdue send counts as never sent. */
const sendsAgainBlindly = deciding((decision, { generation: g, event, now }) => {
  if (g.state !== 'submitting' || event.type !== 'overdue' || 'ignored' in decision)
    return decision;
  const { firstSentAt: _, uncertain: __, cancelRequested: ___, ...rest } = g;
  return {
    next: { ...rest, state: 'queued', dueAt: now + 30_000 },
    effects: [{ kind: 'submit', delayMs: 0 }],
  };
});

/** A round that read the record long ago still has its way. */
const actsOnStaleRounds: Flaws = {
  decide: (generation, event, now, rules) => {
    const isOverdue = event.type === 'overdue' && generation.dueAt !== undefined;
    return decide(isOverdue ? { ...generation, dueAt: now } : generation, event, now, rules);
  },
};

/** The last one to speak is right. */
const leavesFinalStates: Flaws = {
  decide: (generation, event, now, rules) => {
    if (!isFinal(generation) || event.type !== 'observed-final') {
      return decide(generation, event, now, rules);
    }
    const { outcome } = event;
    const { finishedAt: _, dueAt: __, ...rest } = generation;
    const ended = { ...rest, finishedAt: now, dueAt: now + 30_000 };
    return {
      next:
        outcome.verdict === 'completed'
          ? { ...ended, state: 'completed', results: outcome.results }
          : { ...ended, state: outcome.verdict, reason: outcome.reason },
      effects: [{ kind: 'notify' }],
    };
  },
};

/** An absence counts for any send, and however early the search was sent. */
const believesEveryAbsence: Flaws = {
  decide: (generation, event, now, rules) =>
    decide(
      generation,
      event.type === 'absence-proven' ? { ...event, send: generation.sends, askedAt: now } : event,
      now,
      rules,
    ),
};

/** "Not now" proves that nothing was accepted, also by an earlier send. */
const forgetsUncertainty = deciding((decision) => {
  if ('ignored' in decision || decision.next.state !== 'submitting') return decision;
  const { uncertain: _, ...next } = decision.next;
  return { ...decision, next };
});

const forgetsToTell = deciding((decision) =>
  'ignored' in decision
    ? decision
    : { ...decision, effects: decision.effects.filter(({ kind }) => kind !== 'notify') },
);

const forgetsToTellLate = deciding((decision) =>
  'ignored' in decision
    ? decision
    : { ...decision, effects: decision.effects.filter(({ kind }) => kind !== 'notify-late') },
);

/** Whoever is told of the outcome counts as told of everything. */
const tellsHalf = deciding((decision, { event }) => {
  if ('ignored' in decision || event.type !== 'notified') return decision;
  const { next } = decision;
  if (!('late' in next) || !next.late) return decision;
  const { isOwed: _, ...late } = next.late;
  const { dueAt: __, ...rest } = next;
  return { ...decision, next: { ...rest, late } };
});

/** A task is lost as soon as its provider does not know it. */
const losesAtOnce: Flaws = {
  decide: (generation, event, now, rules) => {
    if (generation.state !== 'submitted' || event.type !== 'observed-missing') {
      return decide(generation, event, now, rules);
    }
    const longAgo = now - 3_600_000;
    const record = { ...generation, submittedAt: longAgo, deadlineAt: longAgo };
    const missed = { missingChecks: 9, missingSince: longAgo };
    return decide({ ...record, ...missed }, event, now, rules);
  },
};

/** A final refusal is believed, also when an earlier send of the attempt is unaccounted for. */
const redrivesEveryRefusal: Flaws = {
  redriveWay: (g, about) => {
    const { firstSentAt: _, ...sure } = g;
    return redriveWay(g.via === 'submit' ? sure : g, about);
  },
};

/** The lost submission is sent again under a key that its provider has never seen. */
const redrivesWithOwnKey: Flaws = {
  redriven: (...args) => {
    const begun = redriven(...args);
    if (!begun) return begun;
    const { goesOnWith: _, ...rest } = begun;
    return rest;
  },
};

/** What ended the last attempt is taken for all there is to know. */
const redrivesLaterAttempts: Flaws = {
  redriveWay: (g, about) => redriveWay({ ...g, attempt: 1, sends: 1, refusals: 0 }, about),
};

/** The key's lifetime at the provider begins anew with the redrive. */
const redrivesForgottenKeys: Flaws = {
  redriveWay: (g, { rules, ...about }) =>
    redriveWay(g, { ...about, rules: { ...rules, keyWindowMs: Number.POSITIVE_INFINITY } }),
  redriven: (old, way, start) => redriven({ ...old, firstSentAt: start.now }, way, start),
};

/** Where a rare one was found last: any seeds will do, and these save a minute. */
const from = (first: number) => ({ first, step: 1 });

/** The low bits of a seed choose the provider's class; see situation.ts. */
const SEARCH_SEEDS = { first: 2, step: 4 };

/** Each with the rules that it may break first. */
export const FLAWS: readonly [
  string,
  Flaws,
  rule: string | RegExp,
  seeds?: { first: number; step: number },
][] = [
  ['an overdue send goes straight back to queued', sendsAgainBlindly, /paid/],
  ['a round acts on what it read long ago', actsOnStaleRounds, /paid/, from(16_000)],
  ['an absence is believed for any send and moment', believesEveryAbsence, /paid/, SEARCH_SEEDS],
  ['a refusal makes an uncertain attempt look unsent', forgetsUncertainty, /paid/],
  ['the last verdict wins', leavesFinalStates, /final state was left|two different/],
  [
    'the outcome is decided and nobody told',
    forgetsToTell,
    /nobody was told|stays due|come to rest/,
  ],
  [
    'a late result is noted and nobody told',
    forgetsToTellLate,
    /told of a late|stays due|come to rest/,
  ],
  ['a late result counts as told with the outcome', tellsHalf, /told of a late/, from(165_000)],
  ['a task is lost by one odd answer', losesAtOnce, /someone else than the provider/],
  ['a worker calls without having won', { callsWithoutWinning: true }, /two workers|paid/],
  ['no worker can tell its intent from another’s', { sendersAreAlike: true }, /two workers|paid/],
  ['a worker calls however late it is', { callsHoweverLate: true }, /paid/],
  ['records are saved without comparing', { savesBlindly: true }, /./],
  ['a record is made without a due time', { recordsWithoutDueTime: true }, /no due time/],
  ['it is marked as told before it is', { marksNotifiedFirst: true }, /nobody was told/],
  ['a redrive believes every refusal', redrivesEveryRefusal, /paid/, from(38_000)],
  ['a redrive of a lost answer makes a key of its own', redrivesWithOwnKey, /paid/],
  ['a redrive forgets earlier attempts', redrivesLaterAttempts, /redrive paid/],
  ['a redrive counts the key’s lifetime from itself', redrivesForgottenKeys, /paid/],
  ['every redrive makes one more', { redrivesEachTime: true }, /paid/],
  ['an unsigned claim is believed', { believesEveryone: true }, /someone else/],
];
