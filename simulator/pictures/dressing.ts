import sharp from 'sharp';
import type { OutputSize, PictureFormat } from '../contract/picture.ts';
import { BACKDROP_TOLERANCE, backdropOf, withoutBackdrop } from './backdrop.ts';

/** A box in pixels. */
interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

interface CutOut {
  png: Buffer;
  widthPx: number;
  heightPx: number;
}

/**
 * Where clothes sit on a standing figure, as parts of its height from crown to sole: measured on
 * the figure in `artwork/`, which has the proportions fashion drawings use.
 */
const TORSO = { collar: 0.176, topHeight: 0.347, longHeight: 0.576 };

/** A garment at least this many times as tall as it is wide is a dress or a coat. */
const LONG_GARMENT_RATIO = 1.35;
/** Longest side at which garments are cut out; more detail would not be seen. */
const MAX_GARMENT_PX = 2048;

/**
 * Lays the garments on the person, in the given order, and returns a PNG. No model is involved:
 * the figure is found by its contrast to the backdrop, and the clothes go where a torso would be.
 */
export async function dress(
  person: Buffer,
  garments: Buffer[],
  outputSize: OutputSize,
): Promise<Buffer> {
  const { widthPx, heightPx, fit } = outputSize;
  const background = fit === 'contain' ? await backdropOf(person) : '#ffffff';
  const { data, info } = await sharp(person)
    .rotate()
    .flatten({ background: '#ffffff' })
    .resize(widthPx, heightPx, { fit, background })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const figure = await findFigure(data, raw);

  const layers = await Promise.all(
    garments.map(async (garment) => {
      const cutOut = await cutOutGarment(garment);
      const place = placeOn(figure, cutOut, raw);
      const input = await sharp(cutOut.png)
        .resize(place.width, place.height, { fit: 'fill' })
        .toBuffer();
      return { input, left: place.left, top: place.top };
    }),
  );
  return sharp(data, { raw }).composite(layers).png({ compressionLevel: 6 }).toBuffer();
}

/** A PNG in the format that was asked for. What JPEG cannot leave transparent becomes white. */
export async function savedAs(format: Exclude<PictureFormat, 'mp4'>, png: Buffer): Promise<Buffer> {
  if (format === 'png') return png;
  const picture = format === 'jpeg' ? sharp(png).flatten({ background: '#ffffff' }) : sharp(png);
  return picture.toFormat(format).toBuffer();
}

/** The part of the picture that is not backdrop; all of it when there is no plain backdrop. */
async function findFigure(
  pixels: Buffer,
  raw: { width: number; height: number; channels: 1 | 2 | 3 | 4 },
): Promise<Box> {
  const whole = { left: 0, top: 0, width: raw.width, height: raw.height };
  // A small copy is enough to find the outline and blurs away grain in the backdrop.
  const small = await sharp(pixels, { raw })
    .resize(256, 256, { fit: 'inside' })
    .png()
    .toBuffer({ resolveWithObject: true });
  const trimmed = await sharp(small.data)
    .trim({ threshold: BACKDROP_TOLERANCE })
    .toBuffer({ resolveWithObject: true })
    .catch(() => undefined);
  if (trimmed === undefined) return whole;
  const scale = raw.width / small.info.width;
  return {
    left: -(trimmed.info.trimOffsetLeft ?? 0) * scale,
    top: -(trimmed.info.trimOffsetTop ?? 0) * scale,
    width: trimmed.info.width * scale,
    height: trimmed.info.height * scale,
  };
}

/** The garment without its backdrop, cropped to what is left. */
async function cutOutGarment(garment: Buffer): Promise<CutOut> {
  const png = await withoutBackdrop(
    sharp(garment)
      .rotate()
      .resize(MAX_GARMENT_PX, MAX_GARMENT_PX, { fit: 'inside', withoutEnlargement: true }),
  );
  const cropped = await sharp(png)
    .trim({ background: { r: 0, g: 0, b: 0, alpha: 0 }, threshold: 1 })
    .png()
    .toBuffer({ resolveWithObject: true });
  return { png: cropped.data, widthPx: cropped.info.width, heightPx: cropped.info.height };
}

function placeOn(figure: Box, garment: CutOut, canvas: { width: number; height: number }): Box {
  const ratio = garment.heightPx / garment.widthPx;
  const share = ratio >= LONG_GARMENT_RATIO ? TORSO.longHeight : TORSO.topHeight;
  // Never larger than the canvas: sharp refuses to lay a picture on a smaller one.
  const height = Math.max(1, Math.min(figure.height * share, canvas.height, canvas.width * ratio));
  const width = Math.max(1, height / ratio);
  const left = figure.left + figure.width / 2 - width / 2;
  const top = figure.top + figure.height * TORSO.collar;
  return {
    left: Math.round(Math.max(0, Math.min(left, canvas.width - width))),
    top: Math.round(Math.max(0, Math.min(top, canvas.height - height))),
    width: Math.max(1, Math.floor(width)),
    height: Math.max(1, Math.floor(height)),
  };
}
