import { createHmac, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OWN_FILE_NAME } from '../generation/own-file.ts';
import type { Key } from '../outbound/derived-keys.ts';
import { fileTypeOf } from '../outbound/file-type.ts';

export const KEPT_FILE_NAME = OWN_FILE_NAME;
const DRAFT_NAME = /^\.[0-9a-f-]{36}\.draft$/;

/**
 * Where a result goes that a provider sends as bytes instead of a link: large things never enter
 * Redis. The web process serves the folder at `/files`.
 */
export interface FileStore {
  /**
   * Keeps the bytes and answers their URL, which nobody can guess. The same bytes of the same task
   * keep their URL, so a repeated status check stores nothing twice; those of two tasks are two
   * files, so that erasing one leaves the other. Undefined when they are no picture or video.
   * @param of the task's id; where it has none, the submission's idempotency key.
   */
  put(bytes: Buffer, of: string): Promise<string | undefined>;
  /** The same for JSON. */
  putJson(text: string, of: string): Promise<string>;
  /**
   * Removes what is older of what it has kept; other files in the folder are left alone.
   * @throws AggregateError with what could not be removed, after all the rest has been.
   */
  removeOlderThan(unixMs: number): Promise<void>;
}

/** Providers whose results may come as bytes, or as much data; one of your own may do so too. */
const SEND_BYTES = ['segmind', 'tryon-api', 'image-intelligence', 'replicate', 'fal'];

/** Whether any of the providers is one of our own whose results come as bytes. */
export function needsFolder(names: Iterable<string>): boolean {
  return [...names].some((name) => SEND_BYTES.includes(name));
}

/** Those of the providers whose results may need our own public address. */
export function sendersOfBytes(names: Iterable<string>, builtIn: readonly string[]): string[] {
  return [...names].filter((name) => SEND_BYTES.includes(name) || !builtIn.includes(name));
}

/** A folder that web and worker processes share. It is made when it is first needed. */
export function createFolderFiles(options: {
  folder: string;
  /** Where the web process is reached, without a slash at the end. */
  publicUrl: string;
  /** Makes the names unguessable. */
  secret: Key;
}): FileStore {
  const { folder, publicUrl, secret } = options;

  async function keep(bytes: Buffer, of: string, extension: string): Promise<string> {
    const mac = createHmac('sha256', secret).update(`${Buffer.byteLength(of)}:${of}`);
    const digest = mac.update(bytes).digest('hex').slice(0, 40);
    const name = `${digest}.${extension}`;
    await mkdir(folder, { recursive: true });
    // Written beside and renamed: nobody ever reads half a picture. Each writer has its own draft,
    // because the same bytes may come twice at once, here and in other containers.
    const draft = join(folder, `.${randomUUID()}.draft`);
    await writeFile(draft, bytes);
    await rename(draft, join(folder, name));
    return `${publicUrl}/files/${name}`;
  }

  return {
    async put(bytes, of) {
      const type = fileTypeOf(bytes);
      return type && keep(bytes, of, type.extension);
    },
    putJson: (text, of) => keep(Buffer.from(text), of, 'json'),
    async removeOlderThan(unixMs) {
      const names = await readdir(folder).catch(unlessAbsent<string[]>([]));
      const kept: unknown[] = [];
      for (const name of names) {
        if (!KEPT_FILE_NAME.test(name) && !DRAFT_NAME.test(name)) continue;
        try {
          await removeIfOlder(join(folder, name), unixMs);
        } catch (error) {
          kept.push(error);
        }
      }
      if (kept.length > 0) throw new AggregateError(kept, `${kept.length} files not removed`);
    },
  };
}

async function removeIfOlder(path: string, unixMs: number): Promise<void> {
  // Other workers sweep too: what is gone is gone.
  const found = await stat(path).catch(unlessAbsent(undefined));
  if (found && found.mtimeMs < unixMs) await rm(path, { force: true });
}

function unlessAbsent<T>(fallback: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return fallback;
    throw error;
  };
}
