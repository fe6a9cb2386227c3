/** Counts what happened within the last window, about; two numbers, however much happens. */
export interface Lately {
  add(): void;
  count(): number;
}

export function countLately(windowMs: number, now: () => number): Lately {
  let startedAt = now();
  let [before, current] = [0, 0];

  function turn(): void {
    const windows = Math.floor((now() - startedAt) / windowMs);
    if (windows <= 0) return;
    before = windows === 1 ? current : 0;
    current = 0;
    startedAt += windows * windowMs;
  }

  return {
    add() {
      turn();
      current += 1;
    },
    count() {
      turn();
      return current + before * (1 - Math.min((now() - startedAt) / windowMs, 1));
    },
  };
}
