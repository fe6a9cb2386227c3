import { readFile } from 'node:fs/promises';

/** The bytes of one of the repository's example pictures. */
export async function example(file: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await readFile(new URL(`../../simulator/artwork/${file}`, import.meta.url)),
  );
}

/** A multipart form; values that are bytes become files. */
export function formOf(parts: Record<string, string | Uint8Array<ArrayBuffer>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, new Blob([value]), `${name}.png`);
  }
  return form;
}

/** The bytes of a file that no decoder takes for a picture. */
export const NOT_A_PICTURE = new Uint8Array(Buffer.from('This is text, and no picture.'));
