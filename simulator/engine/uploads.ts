import QuickLRU from 'quick-lru';
import type { Upload } from '../contract/upload.ts';

const MAX_UPLOADS = 100_000;

/** The files that were sent to one provider ahead of the work they are for. */
export interface Uploads {
  put(upload: Upload): void;
  find(library: string, id: string): Upload | undefined;
  /** Says whether it was there. */
  remove(library: string, id: string): boolean;
  /** Oldest first. */
  list(library: string): Upload[];
  clear(): void;
}

/** No files yet. */
export function createUploads(): Uploads {
  const uploads = new QuickLRU<string, Upload>({ maxSize: MAX_UPLOADS });
  const keyOf = (library: string, id: string): string => `${library} ${id}`;
  return {
    put: (upload) => void uploads.set(keyOf(upload.library, upload.id), upload),
    // Without `get`, which would move the file to the end of the list.
    find: (library, id) => uploads.peek(keyOf(library, id)),
    remove: (library, id) => uploads.delete(keyOf(library, id)),
    list: (library) =>
      [...uploads.entriesAscending()].flatMap(([, upload]) =>
        upload.library === library ? [upload] : [],
      ),
    clear: () => uploads.clear(),
  };
}
