import type { GenerationId } from '../generation/ids.ts';
import type { ResultId } from '../generation/kept-result.ts';

/** Where files lie in the storage. An id's last characters are random, and spread the files. */

/** What the place of every file of a generation begins with. */
export function placesOf(id: GenerationId): string {
  return `results/${id.slice(-2)}/${id}-`;
}

/** One place holds one content for ever: whoever copies a result a second time overwrites nothing. */
export function placeOf({ id, index }: ResultId, sha256: string): string {
  return `${placesOf(id)}${index}-${sha256.slice(0, 16)}`;
}
