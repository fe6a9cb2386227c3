import { sized } from './pictures.ts';
import { Broken, type Format, type Found, type Wish } from './walk.ts';

/**
 * Files of boxes: MP4, AVIF, HEIC (ISO/IEC 14496-12, sections 4.2 and 8). A box says how long it is;
 * the file may end after any of them, and is whole when it has what is needed to show it.
 */

/** Boxes that are looked into, and how much comes before what is inside. */
const CONTAINERS: Readonly<Record<string, number>> = {
  moov: 0,
  trak: 0,
  meta: 4,
  iprp: 0,
  ipco: 0,
};

type Step<T> = Generator<Wish, T, Buffer | undefined>;

const boxes = (needed: readonly string[], sizeBox: string): Format =>
  function* () {
    const seen = new Set<string>();
    let size: Found | undefined;
    for (;;) {
      const box = yield* nextBox();
      if (!box) break;
      seen.add(box.type);
      const inside = CONTAINERS[box.type];
      if (inside !== undefined) {
        if (inside > 0) yield { skip: inside };
      } else if (box.type === sizeBox && !size) {
        size = yield* readSize(box.type, box.length);
      } else if (box.length === 'rest') {
        if (!size || !needed.every((type) => seen.has(type))) throw new Broken('it is damaged');
        return size;
      } else if (box.length > 0) {
        yield { skip: box.length };
      }
    }
    const missing = needed.find((type) => !seen.has(type));
    if (missing) throw new Broken(`it ends before its ${missing}`);
    if (!size) throw new Broken('it has no size');
    return size;
  };

/** Its type, and the length of what follows its head. Undefined at the end of the file. */
function* nextBox(): Step<{ type: string; length: number | 'rest' } | undefined> {
  const head = yield { take: 8 };
  if (!head) return undefined;
  const type = head.toString('latin1', 4, 8);
  const length = head.readUInt32BE(0);
  if (length === 0) return { type, length: 'rest' };
  if (length !== 1) return { type, length: atLeast(length - 8) };
  const large = yield { take: 8 };
  if (!large) throw new Broken('it ends too early');
  return { type, length: atLeast(Number(large.readBigUInt64BE(0)) - 16) };
}

function atLeast(length: number): number {
  if (length < 0) throw new Broken('it is damaged');
  return length;
}

/** Of `ispe` the pixels; of `tkhd` the track's size, which is 0 for sound. */
function* readSize(type: string, length: number | 'rest'): Step<Found | undefined> {
  if (length === 'rest' || length < 12 || length > 256) throw new Broken('it is damaged');
  const body = yield { take: length };
  if (!body) throw new Broken('it ends too early');
  if (type === 'ispe') return sized(body.readUInt32BE(4), body.readUInt32BE(8));
  // 16.16 fixed point, at the end of either version.
  const [width, height] = [body.readUInt16BE(length - 8), body.readUInt16BE(length - 4)];
  return width === 0 && height === 0 ? undefined : sized(width, height);
}

export const mp4: Format = boxes(['ftyp', 'moov', 'mdat'], 'tkhd');
/** AVIF and HEIC. */
export const boxedPicture: Format = boxes(['ftyp', 'meta', 'mdat'], 'ispe');
