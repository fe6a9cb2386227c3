import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidProviderSettings } from './provider-settings.ts';

/**
 * Makes the folder and writes into it what is gone again at once: a picture that finds no place
 * has been paid for. @throws InvalidProviderSettings naming the setting when that cannot be done.
 */
export async function requireWritable(
  folder: string,
  setting: 'FILES_DIR' | 'VAULT_DIR',
): Promise<void> {
  // Named as a result is before it is whole: one that stays behind is swept up with the others.
  const draft = join(folder, `.${randomUUID()}.draft`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(draft, '');
    await rm(draft);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
    const what = `${setting}: nothing can be kept in ${folder}${why}`;
    throw new InvalidProviderSettings(`${what}: name a folder that this user may write.`, {
      cause,
    });
  }
}
