import sharp from 'sharp';
import type { OutputSize } from '../contract/picture.ts';
import { mp4Of } from './mp4.ts';

/** Few, so that a film is small and quickly made. */
const FRAMES_PER_SECOND = 4;
/** How much closer the camera is in the end. */
const CLOSER = 0.2;
/** The part of the film in which the picture that it ends in is seen. */
const END_SHARE = 0.25;

/** An MP4 in which the camera comes slowly closer, and another picture may take over in the end. */
export async function film(
  pictures: { begin: Buffer; end?: Buffer | undefined },
  { widthPx, heightPx }: OutputSize,
  seconds: number,
): Promise<Buffer> {
  const first = sharp(pictures.begin)
    .rotate()
    .resize(widthPx, heightPx, { fit: 'inside', withoutEnlargement: true });
  const { data: begin, info } = await first.png().toBuffer({ resolveWithObject: true });
  // Most players want even sizes.
  const width = Math.max(2, info.width & ~1);
  const height = Math.max(2, info.height & ~1);
  const count = Math.round(seconds * FRAMES_PER_SECOND);
  const frames = Array.from({ length: count }, async (_, n) => {
    const share = n / count;
    const isEnd = pictures.end !== undefined && share >= 1 - END_SHARE;
    const source = isEnd ? pictures.end : begin;
    const scale = 1 + CLOSER * share;
    return sharp(source)
      .rotate()
      .flatten({ background: '#ffffff' })
      .resize(Math.round(width * scale), Math.round(height * scale), { fit: 'cover' })
      .extract({
        left: Math.floor((width * (scale - 1)) / 2),
        top: Math.floor((height * (scale - 1)) / 2),
        width,
        height,
      })
      .jpeg()
      .toBuffer();
  });
  return mp4Of({
    frames: await Promise.all(frames),
    widthPx: width,
    heightPx: height,
    framesPerSecond: FRAMES_PER_SECOND,
  });
}
