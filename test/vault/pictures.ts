import sharp from 'sharp';

/** Whole files of every kind that the vault walks along, made by other code than ours. */

const drawn = () =>
  sharp({
    create: { width: 97, height: 61, channels: 3, background: '#357', noise: NOISE },
  });
const NOISE = { type: 'gaussian', mean: 120, sigma: 60 } as const;

export const PICTURES: Readonly<Record<string, () => Promise<Buffer>>> = {
  'image/png': () => drawn().png().toBuffer(),
  'image/jpeg': () => drawn().jpeg().toBuffer(),
  'image/jpeg, progressive': () => drawn().jpeg({ progressive: true }).toBuffer(),
  'image/webp': () => drawn().webp().toBuffer(),
  'image/webp, lossless': () => drawn().webp({ lossless: true }).toBuffer(),
  'image/webp, extended': () => drawn().ensureAlpha(0.5).webp().toBuffer(),
  'image/gif': () => drawn().gif().toBuffer(),
  'image/avif': () => drawn().avif({ effort: 0 }).toBuffer(),
};

/** By ISO/IEC 14496-12: no encoder is at hand, and none of its frames is looked at. */
export function video({ large = false } = {}): Buffer {
  const tkhd = Buffer.alloc(84);
  tkhd.writeUInt16BE(640, 76);
  tkhd.writeUInt16BE(360, 80);
  const sound = Buffer.alloc(84);
  const moov = box('moov', box('trak', box('tkhd', sound)), box('trak', box('tkhd', tkhd)));
  const frames = Buffer.alloc(5_000, 7);
  const mdat = large ? largeBox('mdat', frames) : box('mdat', frames);
  return Buffer.concat([box('ftyp', Buffer.from('isom\0\0\0\0')), mdat, moov]);
}

function box(type: string, ...inside: Buffer[]): Buffer {
  const body = Buffer.concat(inside);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

function largeBox(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(1);
  head.write(type, 4, 'latin1');
  head.writeBigUInt64BE(BigInt(body.length + 16), 8);
  return Buffer.concat([head, body]);
}
