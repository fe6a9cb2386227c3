import { pino } from 'pino';
import type { Generation } from '../../src/generation/generation.ts';
import type { ProviderAdapter } from '../../src/providers/provider.ts';
import type { Advance } from '../../src/workers/engine/advance.ts';
import type { LimitsInForce } from '../../src/workers/limits/limits-in-force.ts';
import type { SubmitParts } from '../../src/workers/stages/submit.ts';
import { NOW, rulesWith } from '../generation/fixtures.ts';

/** For whatever a test does not expect to be called. */
export const notUsed = () => Promise.reject(new Error('not used'));

export const unusedEnqueue = {
  submit: notUsed,
  turns: notUsed,
  lookUp: notUsed,
  cancelTask: notUsed,
  completion: notUsed,
  completionAlone: notUsed,
  subscriber: notUsed,
  movedCallback: notUsed,
};

/** Of a provider about whose limits nobody has learned anything. */
const limits: LimitsInForce = {
  limiter: () => ({ max: 1_000, duration: 1_000 }),
  running: () => undefined,
  standing: () => 'enough',
  usedUpForMs: () => undefined,
  accepted: () => undefined,
  refused: async () => undefined,
  refresh: async () => ({ sent: 0 }),
};

interface Given extends Partial<Omit<SubmitParts, 'provider' | 'store' | 'advance'>> {
  /** The record as Redis has it at that moment. */
  readonly load: () => Generation;
  readonly provider: Pick<ProviderAdapter, 'submit'> & Partial<ProviderAdapter>;
  readonly advance: Advance['one'];
}

/** What the stages of one submission work with: closed circuits, and the rest as given or not used. */
export function stageParts({ load, provider, advance, ...given }: Given) {
  return {
    provider: {
      name: 'acme',
      models: {},
      limits: { submits: { max: 1, perMs: 1 }, concurrency: 1, pollsPerSecond: 1 },
      repeatSubmit: { kind: 'none' },
      inputs: 'upload',
      check: notUsed,
      ...provider,
    },
    store: {
      load: async () => load(),
      create: notUsed,
      loadAll: notUsed,
      saveAll: notUsed,
      save: notUsed,
    },
    advance: { all: notUsed, one: advance },
    circuits: { ask: async () => ({ kind: 'closed', clean: true }) as const, report: notUsed },
    enqueue: unusedEnqueue,
    turns: {
      enter: async ({ id, provider: name }) => ({ id, provider: name, at: NOW }),
      giveBack: async () => undefined,
      oldest: async () => undefined,
    },
    onTurns: async () => {},
    pace: { note: async () => undefined },
    webhookUrl: () => undefined,
    rulesFor: () => rulesWith({}),
    limits,
    countRunning: async () => 0,
    holdQueue: notUsed,
    spacingMs: 1_000,
    mostDenials: 30,
    shutdownSignal: new AbortController().signal,
    now: () => NOW,
    log: pino({ level: 'silent' }),
    ...given,
  } satisfies SubmitParts;
}
