import { fileTypeOf } from '../../outbound/file-type.ts';
import { boxedPicture, mp4 } from './boxes.ts';
import { gif, jpeg, png, webp } from './pictures.ts';
import { Broken, type Format, type Found, type Walk, walk } from './walk.ts';

/** Looks at a file while it comes by, and says in the end what it is. */
export interface Inspection {
  add(piece: Buffer): void;
  /** @throws Broken when it is not whole, or not what was claimed. */
  end(claims: readonly (string | undefined)[]): Inspected;
}

/** By its content: `application/octet-stream` for what nobody here can tell. */
interface Inspected extends Found {
  readonly contentType: string;
}

const FORMATS: Readonly<Record<string, Format>> = {
  'image/png': png,
  'image/jpeg': jpeg,
  'image/gif': gif,
  'image/webp': webp,
  'image/avif': boxedPicture,
  'image/heic': boxedPicture,
  'video/mp4': mp4,
};

/** Told by their first bytes, and not walked along. */
const OTHERS: readonly { type: string; starts: string; at?: number }[] = [
  { type: 'video/webm', starts: '\x1a\x45\xdf\xa3' },
  { type: 'audio/wav', starts: 'WAVE', at: 8 },
  { type: 'audio/ogg', starts: 'OggS' },
  { type: 'audio/flac', starts: 'fLaC' },
  { type: 'audio/mpeg', starts: 'ID3' },
  { type: 'audio/mpeg', starts: '\xff\xfb' },
  { type: 'model/gltf-binary', starts: 'glTF' },
];

const UNKNOWN = 'application/octet-stream';
const HEAD_BYTES = 16;
/** The shortest picture of these formats that shows anything is longer. */
const LEAST_BYTES = 32;

export function inspect(): Inspection {
  let head = Buffer.alloc(0);
  let bytes = 0;
  let last = 0;
  let type: string | undefined;
  let walking: Walk | undefined;

  const begin = (): void => {
    type = typeOf(head);
    const format = FORMATS[type];
    walking = format && walk(format);
    walking?.add(head);
  };

  return {
    add(piece) {
      bytes += piece.length;
      last = lastPrinted(piece) ?? last;
      if (type !== undefined) return walking?.add(piece);
      const missing = HEAD_BYTES - head.length;
      head = Buffer.concat([head, piece.subarray(0, missing)]);
      if (head.length < HEAD_BYTES) return;
      begin();
      walking?.add(piece.subarray(missing));
    },
    end(claims) {
      if (bytes === 0) throw new Broken('it is empty');
      if (type === undefined) begin();
      const contentType = type ?? UNKNOWN;
      refuseOther(contentType, claims, String.fromCharCode(head[0] ?? 0));
      if (contentType === JSON_TYPE && !['}', ']'].includes(String.fromCharCode(last))) {
        throw new Broken('it ends too early');
      }
      if (FORMATS[contentType] && bytes < LEAST_BYTES) throw new Broken('it is too small');
      return { contentType, ...walking?.end() };
    },
  };
}

const JSON_TYPE = 'application/json';

function typeOf(head: Buffer): string {
  const known = fileTypeOf(head)?.type;
  if (known) return known;
  const text = head.toString('latin1');
  const other = OTHERS.find(({ starts, at = 0 }) => text.startsWith(starts, at));
  return other?.type ?? (/^\s*[{[]/.test(text) ? JSON_TYPE : UNKNOWN);
}

/** Its last byte that is no space. */
function lastPrinted(piece: Buffer): number | undefined {
  return piece.findLast((byte) => byte > 0x20);
}

/**
 * A picture may be another kind of picture than was said: hosts often err in that. But no page, no
 * sound and no JSON is a picture, and no page is a result at all.
 */
function refuseOther(found: string, claims: readonly (string | undefined)[], start: string): void {
  for (const claim of claims) {
    const claimed = claim?.split(';')[0]?.trim().toLowerCase() ?? '';
    const kind = kindOf(claimed);
    const mustAgree = ['image', 'video'].includes(kind) || claimed === JSON_TYPE;
    if (claimed === 'text/html' || (mustAgree && kind !== kindOf(found))) {
      throw new Broken(`it is no ${claimed === 'text/html' ? 'result but a page' : kind}`);
    }
  }
  if (found === UNKNOWN && start === '<') throw new Broken('it is no result but a page');
}

const kindOf = (type: string): string => type.split('/')[0] ?? '';
