import type { Readable } from 'node:stream';

/** A file that has been loaded, looked at, and lies on a disk of ours. */
export interface Draft {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly contentType: string;
}

/** Which bytes of a file, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where kept results lie: a folder, or a bucket. What is stored is whole, or is not there. */
export interface Storage {
  /** Where files are written on their way; on the disk of the results where there is one. */
  readonly draftsFolder: string;
  /** Keeps the draft under `place`; the draft itself may be gone then. */
  store(draft: Draft, place: string, signal: AbortSignal): Promise<void>;
  /** @throws NotThere */
  read(place: string, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable>;
  remove(place: string): Promise<void>;
  /** Removes all whose place begins so, and answers how many there were. */
  removeAll(prefix: string): Promise<number>;
  /** Ends connections. */
  close(): void;
}

/** No file lies in this place (any more). */
export class NotThere extends Error {}
