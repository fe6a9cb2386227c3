import type { RateUsage } from '../contract/account.ts';

const MINUTE_MS = 60_000;

/** The calls of the last minute, or of another span, against a limit. */
export interface RateWindow {
  usage(nowMs: number): RateUsage;
  /** Counts one call unless the window is full; says whether it was counted. */
  take(nowMs: number): boolean;
  clear(): void;
}

/** Counts calls over a sliding minute of real time, because clients wait in real seconds. */
export function createRateWindow(limitPerMinute: number, windowMs = MINUTE_MS): RateWindow {
  let calledAtMs: number[] = [];
  let firstLive = 0;

  function forgetOld(nowMs: number): void {
    while ((calledAtMs[firstLive] ?? Number.POSITIVE_INFINITY) <= nowMs - windowMs) firstLive += 1;
    // Cutting the array only now and then keeps a busy minute from costing a copy per call.
    if (firstLive > 4096) {
      calledAtMs = calledAtMs.slice(firstLive);
      firstLive = 0;
    }
  }

  return {
    usage(nowMs) {
      forgetOld(nowMs);
      const oldestMs = calledAtMs[firstLive] ?? nowMs;
      return {
        limitPerMinute,
        remaining: limitPerMinute - (calledAtMs.length - firstLive),
        resetAtSeconds: Math.ceil((oldestMs + windowMs) / 1000),
      };
    },
    take(nowMs) {
      forgetOld(nowMs);
      if (calledAtMs.length - firstLive >= limitPerMinute) return false;
      calledAtMs.push(nowMs);
      return true;
    },
    clear() {
      calledAtMs = [];
      firstLive = 0;
    },
  };
}
