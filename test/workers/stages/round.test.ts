import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/generation/generation.ts';
import type { ProviderAdapter } from '../../../src/providers/provider.ts';
import type { Step } from '../../../src/workers/engine/step.ts';
import { createRound } from '../../../src/workers/stages/round.ts';
import { NOW, RECORDS } from '../../generation/fixtures.ts';

const unused = () => Promise.reject(new Error('not used'));

test('an outcome that came with the acceptance is brought to its end without asking anybody', async () => {
  const learned: Outcome = { verdict: 'completed', results: [{ kind: 'data', data: 'red' }] };
  const generation = { ...RECORDS.submitted, learned, dueAt: NOW };
  const steps: Step[] = [];
  const provider: ProviderAdapter = {
    name: generation.provider,
    models: {},
    limits: { submits: { max: 1, perMs: 1 }, concurrency: 1, pollsPerSecond: 1 },
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    submit: unused,
    check: unused,
  };
  const round = createRound({
    provider,
    leaseMs: 1_000,
    schedule: {
      earliest: unused,
      takeDue: async () => ({ due: [generation], nextAt: undefined, unreadable: 0, newer: 0 }),
    },
    rounds: { ensure: unused },
    advance: {
      all: unused,
      one: async (step) => {
        steps.push(step);
        return { kind: 'forwarded' };
      },
    },
    shutdownSignal: new AbortController().signal,
    now: () => NOW,
    log: pino({ level: 'silent' }),
  });
  await round();
  expect(steps.map(({ event }) => event)).toEqual([
    { type: 'observed-final', source: 'submit', outcome: learned, charge: undefined },
  ]);
});
