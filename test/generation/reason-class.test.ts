import { describe, expect, test } from 'vitest';
import type { GenerationEvent } from '../../src/generation/events.ts';
import type { Generation, Unsuccessful } from '../../src/generation/generation.ts';
import { reasonClass } from '../../src/generation/reason-class.ts';
import type { Rules } from '../../src/generation/rules.ts';
import { decide } from '../../src/generation/state-machine.ts';
import { type ReasonClass, VERDICTS } from '../../src/generation/verdicts.ts';
import { REASONS } from '../../src/providers/reasons.ts';
import { EVENTS, minutes, NOW, RECORDS, rulesWith } from './fixtures.ts';

const KEYS = rulesWith({ repeatSubmit: 'idempotency-key' });

/** How a record ends, decided by the state machine itself: each event in turn, at its moment. */
function ended(
  from: Generation,
  steps: readonly [event: GenerationEvent, at: number][],
  rules: Rules = KEYS,
): Unsuccessful {
  let generation = from;
  for (const [event, at] of steps) {
    const decision = decide(generation, event, at, rules);
    if ('ignored' in decision) throw new Error(`${event.type}: ${decision.reason}`);
    generation = decision.next;
  }
  if (generation.state !== 'failed' && generation.state !== 'timed_out') {
    throw new Error(`it is ${generation.state}`);
  }
  return generation;
}

const LATE = NOW + minutes(60);
const { overdue } = EVENTS;
const rejected = (send: number) => ({ ...EVENTS['submit-rejected'], send });
const failedBy = (source: 'webhook' | 'poll' | 'submit') => ({
  ...EVENTS['observed-final'],
  source,
  outcome: { verdict: 'failed' as const, reason: { code: 'gave_up', message: 'Its own word.' } },
});
const uncertain = { ...RECORDS.submitting, uncertain: true as const };

const GIVEN_UP: Unsuccessful = {
  ...RECORDS.timed_out,
  via: 'deadline',
  reason: { code: 'gave_up', message: '' },
};

const ENDS: readonly [string, Unsuccessful, ReasonClass][] = [
  ['waited too long', ended(RECORDS.queued, [[overdue, LATE]]), 'never_accepted'],
  [
    'waited too long, seen by its submit job',
    ended(RECORDS.queued, [[EVENTS['submit-started'], LATE]]),
    'never_accepted',
  ],
  ['was refused before it was sent', ended(RECORDS.queued, [[rejected(0), NOW]]), 'never_accepted'],
  ['was refused for good', ended(RECORDS.submitting, [[rejected(1), NOW]]), 'never_accepted'],
  [
    'was refused when an earlier send was unaccounted for',
    ended(uncertain, [
      [rejected(1), NOW],
      [overdue, LATE],
    ]),
    'outcome_unknown',
  ],
  [
    'failed in the answer to its submission, before that was saved',
    ended(RECORDS.submitting, [[failedBy('submit'), NOW]]),
    'outcome_unknown',
  ],
  [
    'was refused for good when its send had counted as lost',
    ended(RECORDS.unconfirmed, [[rejected(1), NOW]]),
    'never_accepted',
  ],
  [
    'never had an answer',
    ended(RECORDS.unconfirmed, [[overdue, LATE + minutes(60)]]),
    'outcome_unknown',
  ],
  [
    'was polled in vain',
    ended(RECORDS.submitted, [[{ ...EVENTS['observed-live'], source: 'poll' }, LATE]]),
    'task_known',
  ],
  [
    'could not be polled',
    ended({ ...RECORDS.submitted, deadlineAt: NOW - 1, unansweredSince: NOW - minutes(60) }, [
      [EVENTS['poll-failed'], NOW],
    ]),
    'task_known',
  ],
  [
    'was forgotten by its provider',
    ended(RECORDS.submitted, [
      [EVENTS['observed-missing'], NOW],
      [EVENTS['observed-missing'], NOW + minutes(2)],
      [EVENTS['observed-missing'], LATE],
    ]),
    'task_known',
  ],
  [
    'was given up, and failed at its provider all the same',
    { ...ended(GIVEN_UP, []), late: { outcome: failedBy('poll').outcome, at: NOW, via: 'poll' } },
    'provider_failed',
  ],
  [
    'was given up, and done all the same',
    {
      ...ended(GIVEN_UP, []),
      late: { outcome: EVENTS['observed-final'].outcome, at: NOW, via: 'webhook' },
    },
    'task_known',
  ],
  [
    'was refused for good after an attempt that was lost',
    ended({ ...RECORDS.submitting, attempt: 2, sends: 2 }, [[rejected(2), NOW]]),
    'outcome_unknown',
  ],
  [
    'waited too long after an attempt that was lost',
    ended({ ...RECORDS.queued, attempt: 2, sends: 1 }, [[overdue, LATE]]),
    'outcome_unknown',
  ],
  [
    'was refused for good, by a record that does not say of an earlier send',
    ended({ ...RECORDS.submitting, sends: 2 }, [[rejected(2), NOW]]),
    'outcome_unknown',
  ],
  ['failed there', ended(RECORDS.submitted, [[failedBy('poll'), NOW]]), 'provider_failed'],
  [
    'failed there before its answer came',
    ended(RECORDS.submitting, [[failedBy('webhook'), NOW]]),
    'provider_failed',
  ],
  [
    'failed there after its answer was lost',
    ended(RECORDS.unconfirmed, [[failedBy('webhook'), NOW]]),
    'provider_failed',
  ],
];

test.each(ENDS)('one that %s has its class', (_what, generation, kind) => {
  expect(reasonClass(generation)).toBe(kind);
});

test('whatever the state machine leaves out is kept: when it was first sent, and what was prepared', () => {
  const before = { ...RECORDS.unconfirmed, prepared: '{"upload":7}' };
  const { firstSentAt, prepared } = ended(before, [[overdue, LATE + minutes(60)]]);
  expect({ firstSentAt, prepared }).toEqual({
    firstSentAt: RECORDS.unconfirmed.firstSentAt,
    prepared: '{"upload":7}',
  });
});

describe.each(Object.keys(REASONS))('%s', (code) => {
  const base: Unsuccessful = { ...RECORDS.failed, reason: { code, message: '' } };
  const { task: _, submittedAt: __, ...unsent } = base;

  test.each(['webhook', 'poll', 'hint', 'submit'] as const)(
    'as the end of a task, learned by %s, counts as paid for',
    (via) => {
      expect(reasonClass({ ...base, via })).toBe('provider_failed');
    },
  );

  test('as the answer to the submission, is no payment', () => {
    expect(reasonClass({ ...unsent, via: 'submit' })).toBe('never_accepted');
    expect(reasonClass({ ...unsent, via: 'submit', firstSentAt: NOW })).toBe('outcome_unknown');
  });
});

test.each(['not_sent_in_time', 'outcome_unknown', 'gave_up', 'task_lost', 'constructor'])(
  'a provider’s own reason that is called %s does not make it free',
  (code) => {
    const reason = { code, message: '' };
    expect(reasonClass({ ...RECORDS.failed, via: 'webhook', reason })).toBe('provider_failed');
    const { task: _, ...unknown } = { ...RECORDS.failed, via: 'poll' as const, reason };
    expect(reasonClass(unknown)).toBe('provider_failed');
  },
);

test('no reason that our adapters give has the name of a verdict of ours', () => {
  expect(Object.keys(REASONS).filter((code) => Object.hasOwn(VERDICTS, code))).toEqual([]);
});
