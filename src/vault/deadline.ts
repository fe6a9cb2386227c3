/** A signal of its own that ends with the process's, or when the time is over. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Whether it was time, and nothing else, that ended it. */
  readonly isOver: () => boolean;
  clear(): void;
}

/** Leaves nothing behind on `until` once it is cleared. */
export function deadline(ms: number, until: AbortSignal): Deadline {
  const controller = new AbortController();
  let over = false;
  const give = (): void => controller.abort(until.reason);
  const timer = setTimeout(() => {
    over = true;
    controller.abort(new Error(`not within ${ms} ms`));
  }, ms);
  if (until.aborted) give();
  else until.addEventListener('abort', give, { once: true });
  return {
    signal: controller.signal,
    isOver: () => over,
    clear: () => {
      clearTimeout(timer);
      until.removeEventListener('abort', give);
    },
  };
}
