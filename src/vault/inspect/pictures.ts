import { Broken, type Format, type Found, type Wish } from './walk.ts';

/** Pictures, as they say themselves how long they are. */

/** The largest side that any of these formats can name, but for PNG's own limit. */
const LONGEST_SIDE = 65_535;

export function sized(width: number, height: number): Found {
  const isSane = (side: number): boolean => side >= 1 && side <= LONGEST_SIDE;
  if (isSane(width) && isSane(height)) return { width, height };
  throw new Broken('it has no size');
}

function* take(count: number): Generator<Wish, Buffer, Buffer | undefined> {
  const bytes = yield { take: count };
  if (bytes) return bytes;
  throw new Broken('it ends too early');
}

/** Portable Network Graphics, third edition, section 5: chunks, of which IEND is the last. */
export const png: Format = function* () {
  yield* take(8);
  const head = yield* take(8 + 13 + 4);
  if (head.toString('latin1', 4, 8) !== 'IHDR') throw new Broken('it is damaged');
  const size = sized(head.readUInt32BE(8), head.readUInt32BE(12));
  let hasPicture = false;
  for (;;) {
    const chunk = yield* take(8);
    const type = chunk.toString('latin1', 4, 8);
    yield { skip: chunk.readUInt32BE(0) + 4 };
    hasPicture ||= type === 'IDAT';
    if (type === 'IEND' && hasPicture) return size;
    if (type === 'IEND') throw new Broken('it holds no picture');
  }
};

const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;

/** JPEG, ITU-T T.81 annex B: marked segments, scans between them, and an end of its own. */
export const jpeg: Format = function* () {
  let size: Found | undefined;
  let marker = (yield* take(2))[1] ?? 0;
  for (;;) {
    marker = yield* nextMarker(marker === START_OF_SCAN);
    if (marker === END_OF_IMAGE && size) return size;
    if (marker === END_OF_IMAGE) throw new Broken('it has no size');
    const length = (yield* take(2)).readUInt16BE(0) - 2;
    if (length < 0) throw new Broken('it is damaged');
    const frame = isFrame(marker) && length >= 5 ? yield* take(5) : undefined;
    // A height of 0 is named later, by a segment of its own: the format allows it, and nobody does it.
    if (frame) size = sized(frame.readUInt16BE(3), frame.readUInt16BE(1));
    const rest = length - (frame ? 5 : 0);
    if (rest > 0) yield { skip: rest };
  }
};

/** SOF0 to SOF15, less the three that are something else. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** The next marker with something behind it. In a scan 0xff may also be data, or a restart. */
function* nextMarker(inScan: boolean): Generator<Wish, number, Buffer | undefined> {
  for (;;) {
    if (inScan) yield { past: 0xff };
    else if ((yield* take(1))[0] !== 0xff) throw new Broken('it is damaged');
    let marker = 0xff;
    while (marker === 0xff) marker = (yield* take(1))[0] ?? 0;
    const isData = marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd7);
    if (!isData) return marker;
    if (!inScan && marker === 0) throw new Broken('it is damaged');
  }
}

/** GIF89a, sections 18 to 27: a screen, blocks of sub-blocks, and a trailer. */
export const gif: Format = function* () {
  const screen = yield* take(13);
  const size = sized(screen.readUInt16LE(6), screen.readUInt16LE(8));
  yield* skipColours(screen[10] ?? 0);
  for (;;) {
    const kind = (yield* take(1))[0];
    if (kind === 0x3b) return size;
    if (kind === 0x21) yield { skip: 1 };
    else if (kind === 0x2c) {
      yield* skipColours((yield* take(9))[8] ?? 0);
      yield { skip: 1 };
    } else throw new Broken('it is damaged');
    for (let length = -1; length !== 0; ) {
      length = (yield* take(1))[0] ?? 0;
      if (length > 0) yield { skip: length };
    }
  }
};

function* skipColours(flags: number): Generator<Wish, void, Buffer | undefined> {
  if (flags & 0x80) yield { skip: 3 * 2 ** ((flags & 0x07) + 1) };
}

/** WebP Container Specification (Google): RIFF, whose length covers all that follows it. */
export const webp: Format = function* () {
  const riff = yield* take(12);
  const first = yield* take(18);
  const left = riff.readUInt32LE(4) + 8 - 30;
  if (left < 0) throw new Broken('it is damaged');
  const size = webpSize(first);
  if (left > 0) yield { skip: left };
  return size;
};

function webpSize(chunk: Buffer): Found {
  switch (chunk.toString('latin1', 0, 4)) {
    case 'VP8X':
      return sized(chunk.readUIntLE(12, 3) + 1, chunk.readUIntLE(15, 3) + 1);
    case 'VP8 ':
      return sized(chunk.readUInt16LE(14) & 0x3fff, chunk.readUInt16LE(16) & 0x3fff);
    case 'VP8L': {
      const bits = chunk.readUInt32LE(9);
      return sized((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
    }
    default:
      throw new Broken('it is damaged');
  }
}
