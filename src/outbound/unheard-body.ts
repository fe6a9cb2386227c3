import type { Dispatcher } from 'undici';

/** A body that is not waited for has this long to end by itself. */
const UNHEARD_MS = 1_000;

/** Takes what still comes of a body that nobody hears. */
export interface UnheardBody {
  add(bytes: number): void;
  ended(): void;
}

/**
 * What becomes of a body that nobody waits for: a short one is let in to its end and dropped, so
 * that its connection can be used again. One that is longer than `maxBytes`, or slow, is cut off,
 * and its connection with it: whoever sends for ever holds nothing of ours.
 */
export function letEnd(
  controller: Dispatcher.DispatchController | undefined,
  maxBytes: number,
): UnheardBody {
  let left = maxBytes;
  const cutOff = () => controller?.abort(new Error('its body is not waited for'));
  const patience = setTimeout(cutOff, UNHEARD_MS).unref();
  return {
    add: (bytes) => {
      left -= bytes;
      if (left < 0) cutOff();
    },
    ended: () => clearTimeout(patience),
  };
}
