import { createHmac, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileTypeOf } from './file-type.ts';

/**
 * Where a result goes that a provider sends as bytes instead of a link: large things never enter
 * Redis. The web process serves the folder at `/files`.
 */
export interface FileStore {
  /**
   * Keeps the bytes and answers their URL, which nobody can guess. The same bytes keep their URL,
   * so a repeated status check stores nothing twice. Undefined when they are no picture or video.
   */
  put(bytes: Buffer): Promise<string | undefined>;
  /** Removes what is older. */
  removeOlderThan(unixMs: number): Promise<void>;
}

/** A folder that web and worker processes share. It is made when it is first needed. */
export function createFolderFiles(options: {
  folder: string;
  /** Where the web process is reached, without a slash at the end. */
  publicUrl: string;
  /** Makes the names unguessable. */
  secret: string;
}): FileStore {
  const { folder, publicUrl, secret } = options;
  return {
    async put(bytes) {
      const type = fileTypeOf(bytes);
      if (!type) return undefined;
      const digest = createHmac('sha256', secret).update(bytes).digest('hex').slice(0, 40);
      const name = `${digest}.${type.extension}`;
      await mkdir(folder, { recursive: true });
      // Written beside and renamed: nobody ever reads half a picture. Each writer has its own draft,
      // because the same bytes may come twice at once, here and in other containers.
      const draft = join(folder, `.${randomUUID()}`);
      await writeFile(draft, bytes);
      await rename(draft, join(folder, name));
      return `${publicUrl}/files/${name}`;
    },
    async removeOlderThan(unixMs) {
      const names = await readdir(folder).catch(() => []);
      for (const name of names) {
        const path = join(folder, name);
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
        if (mtimeMs < unixMs) await rm(path, { force: true });
      }
    },
  };
}
