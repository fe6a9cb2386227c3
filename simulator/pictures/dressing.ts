import sharp, { type Sharp } from 'sharp';
import type { OutputSize, PictureFormat } from '../contract/dialect.ts';

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
const torso = { collar: 0.176, topHeight: 0.347, longHeight: 0.576 };

/** A garment at least this many times as tall as it is wide is a dress or a coat. */
const longGarmentRatio = 1.35;

/** How far from the backdrop a colour may be, per channel, and still count as backdrop. */
const backdropTolerance = 24;

/** Longest side at which garments are cut out; more detail would not be seen. */
const maxGarmentPx = 2048;

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
export async function savedAs(format: PictureFormat, png: Buffer): Promise<Buffer> {
  if (format === 'png') return png;
  const picture = format === 'jpeg' ? sharp(png).flatten({ background: '#ffffff' }) : sharp(png);
  return picture.toFormat(format).toBuffer();
}

/** The colour of a picture's first pixel, which is where a plain backdrop would be. */
export async function backdropOf(picture: Buffer): Promise<{ r: number; g: number; b: number }> {
  const [r = 255, g = 255, b = 255] = await sharp(picture)
    .rotate()
    .flatten({ background: '#ffffff' })
    .extract({ left: 0, top: 0, width: 1, height: 1 })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return { r, g, b };
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
    .trim({ threshold: backdropTolerance })
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
      .resize(maxGarmentPx, maxGarmentPx, { fit: 'inside', withoutEnlargement: true }),
  );
  const cropped = await sharp(png)
    .trim({ background: { r: 0, g: 0, b: 0, alpha: 0 }, threshold: 1 })
    .png()
    .toBuffer({ resolveWithObject: true });
  return { png: cropped.data, widthPx: cropped.info.width, heightPx: cropped.info.height };
}

/** The picture as a PNG whose plain backdrop is transparent. */
export async function withoutBackdrop(picture: Sharp): Promise<Buffer> {
  const { data, info } = await picture
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  clearBackdrop(data);
  const raw = { width: info.width, height: info.height, channels: info.channels };
  return sharp(data, { raw }).png().toBuffer();
}

/** Makes every pixel of the first pixel's colour transparent, unless the picture is a cut-out. */
function clearBackdrop(rgba: Buffer): void {
  const [red = 0, green = 0, blue = 0, alpha = 0] = rgba;
  if (alpha < 255) return;
  for (let at = 0; at < rgba.length; at += 4) {
    const isBackdrop =
      Math.abs((rgba[at] ?? 0) - red) <= backdropTolerance &&
      Math.abs((rgba[at + 1] ?? 0) - green) <= backdropTolerance &&
      Math.abs((rgba[at + 2] ?? 0) - blue) <= backdropTolerance;
    if (isBackdrop) rgba.fill(0, at, at + 4);
  }
}

function placeOn(figure: Box, garment: CutOut, canvas: { width: number; height: number }): Box {
  const ratio = garment.heightPx / garment.widthPx;
  const share = ratio >= longGarmentRatio ? torso.longHeight : torso.topHeight;
  // Never larger than the canvas: sharp refuses to lay a picture on a smaller one.
  const height = Math.max(1, Math.min(figure.height * share, canvas.height, canvas.width * ratio));
  const width = Math.max(1, height / ratio);
  const left = figure.left + figure.width / 2 - width / 2;
  const top = figure.top + figure.height * torso.collar;
  return {
    left: Math.round(Math.max(0, Math.min(left, canvas.width - width))),
    top: Math.round(Math.max(0, Math.min(top, canvas.height - height))),
    width: Math.max(1, Math.floor(width)),
    height: Math.max(1, Math.floor(height)),
  };
}
