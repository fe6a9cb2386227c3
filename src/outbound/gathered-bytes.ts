/**
 * Bytes that come in pieces, kept in one. Kept as they come, each piece would cost hundreds of bytes
 * of its own, and whoever sends decides how small they are: a body of 256 KB that came in chunks of
 * one byte held 85 MB.
 */
export interface GatheredBytes {
  readonly size: number;
  /** Copies the piece. @throws RangeError when it is more than was said to be the most. */
  add(piece: Buffer): void;
  /** What has been added so far; later pieces do not change it. */
  bytes(): Buffer;
}

const FIRST_BYTES = 16 * 1024;

/** Takes no more memory than `mostBytes`, and no more than twice what has been added or 16 KB. */
export function gatherBytes(mostBytes: number): GatheredBytes {
  let room = Buffer.alloc(0);
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(piece) {
      const needed = size + piece.length;
      if (needed > mostBytes) throw new RangeError(`more than ${mostBytes} bytes`);
      if (needed > room.length) {
        const larger = Math.max(needed, 2 * room.length, FIRST_BYTES);
        const next = Buffer.allocUnsafeSlow(Math.min(larger, mostBytes));
        room.copy(next, 0, 0, size);
        room = next;
      }
      piece.copy(room, size);
      size = needed;
    },
    bytes: () => room.subarray(0, size),
  };
}
