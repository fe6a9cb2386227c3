/**
 * A film in an MP4 file. Each picture is a JPEG, which MP4 knows as a codec of its own (object type
 * 0x6C of the MP4 Registration Authority), so nothing has to be encoded. Boxes are those of ISO/IEC
 * 14496-12, the codec's descriptor that of 14496-1.
 */
export interface Film {
  /** JPEGs, all of this size. */
  readonly frames: readonly Buffer[];
  readonly widthPx: number;
  readonly heightPx: number;
  readonly framesPerSecond: number;
}

/** The whole file: what it is, where each picture lies, and the pictures. */
export function mp4Of(film: Film): Buffer {
  const type = box('ftyp', ascii('isom'), u32(0x200), ascii('isommp42'));
  const pictures = box('mdat', ...film.frames);
  // The table's size does not depend on the offset that it names.
  const tableBytes = tableOf(film, 0).length;
  return Buffer.concat([type, tableOf(film, type.length + tableBytes + 8), pictures]);
}

/** Neither turned nor stretched. */
const UPRIGHT = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
const UNDETERMINED_LANGUAGE = 0x55c4;
const PIXELS_PER_INCH = 72 << 16;

function tableOf(film: Film, firstPictureAt: number): Buffer {
  const { frames, framesPerSecond, widthPx, heightPx } = film;
  const length = frames.length;
  const movie = fullBox(
    'mvhd',
    0,
    ...[0, 0, framesPerSecond, length, 0x10000].map(u32), // at the usual speed
    u16(0x100), // at full volume
    Buffer.alloc(10),
    ...UPRIGHT.map(u32),
    Buffer.alloc(24),
    u32(2),
  );
  const track = fullBox(
    'tkhd',
    3, // enabled, in the movie
    ...[0, 0, 1, 0, length, 0, 0, 0, 0].map(u32),
    ...UPRIGHT.map(u32),
    u32(widthPx << 16),
    u32(heightPx << 16),
  );
  const media = box(
    'mdia',
    fullBox(
      'mdhd',
      0,
      ...[0, 0, framesPerSecond, length].map(u32),
      u16(UNDETERMINED_LANGUAGE),
      u16(0),
    ),
    fullBox('hdlr', 0, u32(0), ascii('vide'), Buffer.alloc(12), ascii('film\0')),
    box(
      'minf',
      fullBox('vmhd', 1, Buffer.alloc(8)),
      box('dinf', fullBox('dref', 0, u32(1), fullBox('url ', 1))),
      samplesOf(film, firstPictureAt),
    ),
  );
  return box('moov', movie, box('trak', track, media));
}

/** One picture after the other, each shown equally long. */
function samplesOf({ frames, widthPx, heightPx }: Film, firstPictureAt: number): Buffer {
  const look = box(
    'mp4v',
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(16),
    u16(widthPx),
    u16(heightPx),
    u32(PIXELS_PER_INCH),
    u32(PIXELS_PER_INCH),
    u32(0),
    u16(1),
    Buffer.alloc(32),
    u16(24),
    u16(0xffff),
    fullBox('esds', 0, JPEG_STREAM),
  );
  return box(
    'stbl',
    fullBox('stsd', 0, u32(1), look),
    fullBox('stts', 0, u32(1), u32(frames.length), u32(1)),
    fullBox('stsc', 0, u32(1), u32(1), u32(frames.length), u32(1)),
    fullBox('stsz', 0, u32(0), u32(frames.length), ...frames.map((frame) => u32(frame.length))),
    fullBox('stco', 0, u32(1), u32(firstPictureAt)),
  );
}

/** A stream of JPEGs: 0x6C says so, 0x11 that it is visual. Sizes and rates are left open. */
const JPEG_STREAM = Buffer.from([
  ...[0x03, 21, 0, 1, 0],
  ...[0x04, 13, 0x6c, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0x06, 1, 0x02],
]);

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length + 8), ascii(type), body]);
}

function fullBox(type: string, flags: number, ...parts: Buffer[]): Buffer {
  return box(type, u32(flags), ...parts);
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
