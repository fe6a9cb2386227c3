import type { ImageInput } from '../contract/picture.ts';

/** Long enough for a scenario's name and a caller's marker. */
const LONGEST_TAIL_BYTES = 256;

/**
 * What a caller asks of the simulator itself: the query of an input image's URL. Where pictures
 * travel as bytes, the query is what follows the picture's own end; decoders do not look there.
 */
export function directivesOf(image: ImageInput): URLSearchParams | undefined {
  if (typeof image !== 'string') return directivesIn(image);
  if (!image.startsWith('http') || !URL.canParse(image)) return undefined;
  return new URL(image).searchParams;
}

/** The picture, carrying its URL's query in its bytes. */
export function withDirectives(picture: Buffer, query: string): Buffer {
  return Buffer.concat([picture, Buffer.from(`?${query}`)]);
}

/** The picture as it was: the same one, whoever carries it. */
export function withoutDirectives(picture: Buffer): Buffer {
  const query = tailOf(picture);
  return query === undefined ? picture : picture.subarray(0, -query.length - 1);
}

function directivesIn(bytes: Buffer): URLSearchParams | undefined {
  const query = tailOf(bytes);
  return query === undefined ? undefined : new URLSearchParams(query);
}

function tailOf(bytes: Buffer): string | undefined {
  const tail = bytes.subarray(-LONGEST_TAIL_BYTES).toString('latin1');
  return /\?((?:simulate|marker)=[\w.&=-]+)$/.exec(tail)?.[1];
}
