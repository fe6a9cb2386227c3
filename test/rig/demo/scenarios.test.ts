import { expect, test } from 'vitest';
import { endOf, expectedEnds, expectedLines } from '../../../rig/demo/scenarios.ts';
import { isAsExpected, type Row, renderTable } from '../../../rig/demo/table.ts';
import type { Shown } from '../../../rig/demo/timeline.ts';
import { PROVIDER_NAMES } from '../../../src/config/env.ts';

const HOLD = { reason: 'out_of_credit', until: '2026-11-20T12:00:00.000Z' };

function shown(changes: Partial<Shown>): Shown {
  return {
    id: '01JD0000000000000000000000',
    provider: 'fashn',
    model: 'tryon-v1.6',
    status: 'processing',
    createdAt: '2026-11-20T11:00:00.000Z',
    finishedAt: null,
    via: null,
    polls: 0,
    results: [],
    reason: null,
    hold: null,
    ...changes,
  };
}

function row(changes: Partial<Row>): Row {
  return {
    generation: shown({}),
    end: 'completed',
    expected: ['completed'],
    result: undefined,
    ...changes,
  };
}

test.each([
  [{ status: 'queued' }, undefined],
  [{ status: 'queued', hold: { ...HOLD, reason: 'rate_limited' } }, undefined],
  [{ status: 'queued', hold: HOLD }, 'held'],
  [{ status: 'processing' }, undefined],
  [{ status: 'completed' }, 'completed'],
  [{ status: 'failed', reason: { code: 'content_policy' } }, 'failed'],
  [{ status: 'failed', reason: { code: 'outcome_unknown' } }, 'outcome_unknown'],
  [{ status: 'timed_out', reason: { code: 'gave_up' } }, 'timed_out'],
  [{ status: 'canceled' }, 'canceled'],
] as const)('a generation that shows %j has ended as %s', (changes, end) => {
  expect(endOf(shown(changes))).toBe(end);
});

test('a scenario that is not named, and trouble that passes, should complete', () => {
  for (const scenario of ['ok', 'rate-limited', 'late-webhook', 'expired-token']) {
    for (const provider of PROVIDER_NAMES) {
      expect(expectedEnds(scenario, provider), `${scenario} ${provider}`).toEqual(['completed']);
    }
  }
});

test('a lost reply is made good where a repeat is safe or the provider can be searched', () => {
  expect(expectedEnds('lost-reply', 'fitinview')).toEqual(['completed']);
  expect(expectedEnds('lost-reply', 'image-intelligence')).toEqual(['completed']);
  expect(expectedEnds('lost-reply', 'fitroom')).toEqual(['outcome_unknown']);
});

test('where a worker has died, an answer may be lost in any scenario', () => {
  expect(expectedEnds('ok', 'fashn', true)).toEqual(['completed', 'outcome_unknown']);
  expect(expectedEnds('lost-reply', 'fitroom', true)).toEqual(['outcome_unknown']);
});

test('what is expected is said in one line for each scenario', () => {
  expect(
    expectedLines([
      { scenario: 'ok', provider: 'fashn' },
      { scenario: 'ok', provider: 'fitinview' },
      { scenario: 'result-expired', provider: 'fashn' },
      { scenario: 'result-expired', provider: 'segmind' },
    ]),
  ).toEqual([
    'expected of ok: completed',
    'expected of result-expired: result_gone (fashn); completed (segmind)',
  ]);
});

test('the table shows another end than the expected one, and why', () => {
  const failed = shown({ status: 'failed', via: 'poll', reason: { code: 'provider_error' } });
  const other = row({ generation: failed, end: 'failed' });
  expect(isAsExpected(other)).toBe(false);
  expect(renderTable([other])).toMatch(/failed, not completed +provider_error\n$/);
});

test('the table shows where a result is, that its link is dead, or what holds it up', () => {
  const held = row({ generation: shown({ hold: HOLD }), end: 'held', expected: ['held'] });
  const gone = row({ end: 'result_gone', expected: ['result_gone'], result: 'link answered 403' });
  const kept = row({ result: '.catwalk/demo/fashn-1.png' });
  const lines = renderTable([held, gone, kept]).split('\n');
  expect(lines[1]).toMatch(/held +out_of_credit$/);
  expect(lines[2]).toMatch(/result_gone +link answered 403$/);
  expect(lines[3]).toMatch(/completed +\.catwalk\/demo\/fashn-1\.png$/);
});
