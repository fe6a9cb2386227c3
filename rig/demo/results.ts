import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { Shown } from './timeline.ts';

export const RESULTS = '.catwalk/demo';

/** An empty folder for the results of this run. */
export async function clearResults(): Promise<void> {
  await rm(RESULTS, { recursive: true, force: true });
  await mkdir(RESULTS, { recursive: true });
}

/** Where a result is, or why it could not be had. */
export type Saved = { readonly file: string } | { readonly problem: string };

/** The picture as a file; what is no picture, as JSON. Undefined when there is no result. */
export async function saveResult(
  generation: Pick<Shown, 'provider' | 'results'>,
  number: number,
  folder = RESULTS,
): Promise<Saved | undefined> {
  const [result] = generation.results;
  if (!result) return undefined;
  const file = `${folder}/${generation.provider}-${number}`;
  if (result.url === undefined) {
    const data = generation.results.map((one) => one.data);
    await writeFile(`${file}.json`, JSON.stringify(data, null, 2));
    return { file: `${file}.json` };
  }
  const picture = await load(result.url);
  if (typeof picture === 'string') return { problem: picture };
  await writeFile(`${file}.png`, picture);
  return { file: `${file}.png` };
}

/** The bytes, or what happened instead. Links expire: that is the provider's affair, not an error. */
async function load(url: string): Promise<Buffer | string> {
  try {
    const response = await fetch(url);
    if (!response.ok) return `link answered ${response.status}`;
    return Buffer.from(await response.arrayBuffer());
  } catch {
    return 'link did not answer';
  }
}
