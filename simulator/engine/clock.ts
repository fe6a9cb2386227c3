/** Simulated time: every pause is multiplied by one factor, and all of them can be called off. */
export interface Clock {
  /** Real milliseconds that `simulatedMs` takes. */
  toRealMs(simulatedMs: number): number;
  after(simulatedMs: number, action: () => void): void;
  /** Resolves after `simulatedMs`, or at once when the clock is stopped or cleared. */
  pause(simulatedMs: number): Promise<void>;
  /** Calls off everything that is pending. */
  clear(): void;
}

/** A clock whose pauses last `timeScale` times as long as they say. */
export function createClock(timeScale: number): Clock {
  const pending = new Map<NodeJS.Timeout, () => void>();

  function schedule(simulatedMs: number, action: () => void, whenCleared: () => void): void {
    const timer = setTimeout(() => {
      pending.delete(timer);
      action();
    }, simulatedMs * timeScale);
    pending.set(timer, whenCleared);
  }

  return {
    toRealMs: (simulatedMs) => simulatedMs * timeScale,
    after: (simulatedMs, action) => schedule(simulatedMs, action, () => undefined),
    pause: (simulatedMs) => new Promise((resolve) => schedule(simulatedMs, resolve, resolve)),
    clear() {
      const calledOff = [...pending];
      pending.clear();
      for (const [timer, whenCleared] of calledOff) {
        clearTimeout(timer);
        whenCleared();
      }
    },
  };
}
