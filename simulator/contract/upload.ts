/** A file that was sent ahead of the work it is for. */
export interface Upload {
  readonly id: string;
  /** Which of the provider's collections it is in. */
  readonly library: string;
  readonly bytes: Buffer;
  readonly name: string;
  /** Whatever the dialect needs again when it describes the file. */
  readonly notes: Readonly<Record<string, unknown>>;
  readonly uploadedAtMs: number;
}

/** A file as a request brings it. `id` is for a dialect that named the file before it came. */
export interface IncomingFile {
  bytes: Buffer;
  name: string;
  id?: string;
  notes?: Readonly<Record<string, unknown>>;
}
