import type { LimitsInForce } from '../../../src/workers/limits/limits-in-force.ts';

const limits: LimitsInForce = {
  limiter: () => ({ max: 1_000, duration: 1_000 }),
  running: () => undefined,
  standing: () => 'enough',
  usedUpForMs: () => undefined,
  accepted: () => undefined,
  refused: async () => undefined,
  refresh: async () => ({ sent: 0 }),
};

/** Of a provider about whose limits nobody has learned anything. */
export const NO_LIMITS = { limits, countRunning: async () => 0 };
