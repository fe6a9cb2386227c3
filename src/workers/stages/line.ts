/**
 * Gives each that waits in this process a moment of its own to look again (Unix ms): no sooner than
 * `firstMs` from now, and `spacingMs` after the one before it.
 */
export function createLine(parts: {
  readonly firstMs: number;
  readonly spacingMs: number;
  readonly now: () => number;
}): () => number {
  const { firstMs, spacingMs, now } = parts;
  let last = 0;
  return () => {
    last = Math.max(now() + firstMs, Math.ceil(last + spacingMs));
    return last;
  };
}
