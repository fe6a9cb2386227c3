import type { Upload } from '../contract/dialect.ts';
import { setBounded } from './bounded.ts';

const maxUploads = 100_000;

export interface UploadShelf {
  put(upload: Upload): void;
  find(library: string, id: string): Upload | undefined;
  /** Says whether it was there. */
  remove(library: string, id: string): boolean;
  /** Oldest first. */
  list(library: string): Upload[];
  clear(): void;
}

/** The files that were sent to one provider ahead of the work they are for. */
export function createUploadShelf(): UploadShelf {
  const uploads = new Map<string, Upload>();
  const keyOf = (library: string, id: string): string => `${library} ${id}`;
  return {
    put: (upload) => setBounded(uploads, keyOf(upload.library, upload.id), upload, maxUploads),
    find: (library, id) => uploads.get(keyOf(library, id)),
    remove: (library, id) => uploads.delete(keyOf(library, id)),
    list: (library) => [...uploads.values()].filter((upload) => upload.library === library),
    clear: () => uploads.clear(),
  };
}
