import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { NotThere, type Storage } from './storage.ts';

/**
 * A folder that web and worker processes share. A draft is synced and renamed into place, so
 * that nobody ever reads half a file, and the folder is synced too: a power cut takes nothing back.
 */
export function createFolderStorage(folder: string): Storage {
  const root = resolve(folder);
  const at = (place: string): string => join(root, place);
  return {
    draftsFolder: join(root, 'drafts'),
    async store(draft, place) {
      const path = at(place);
      await mkdir(dirname(path), { recursive: true });
      await sync(draft.path);
      await rename(draft.path, path);
      await sync(dirname(path));
    },
    async read(place, range, signal) {
      const file = await open(at(place)).catch(unlessAbsent(undefined));
      if (!file) throw new NotThere(place);
      return file.createReadStream({ ...range, signal });
    },
    remove: (place) => rm(at(place), { force: true }),
    async removeAll(prefix) {
      const shelf = dirname(at(prefix));
      const names = await readdir(shelf).catch(unlessAbsent<string[]>([]));
      const found = names.filter((name) => name.startsWith(basename(prefix)));
      for (const name of found) await rm(join(shelf, name), { force: true });
      if (found.length > 0) await sync(shelf);
      return found.length;
    },
    close: () => {},
  };
}

/** A file's content, or a folder's names, are on the disk. */
async function sync(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unlessAbsent<T>(fallback: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return fallback;
    throw error;
  };
}
