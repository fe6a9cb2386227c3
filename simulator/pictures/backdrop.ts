import sharp, { type Sharp } from 'sharp';

/** How far from the backdrop a colour may be, per channel, and still count as backdrop. */
export const BACKDROP_TOLERANCE = 24;

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
      Math.abs((rgba[at] ?? 0) - red) <= BACKDROP_TOLERANCE &&
      Math.abs((rgba[at + 1] ?? 0) - green) <= BACKDROP_TOLERANCE &&
      Math.abs((rgba[at + 2] ?? 0) - blue) <= BACKDROP_TOLERANCE;
    if (isBackdrop) rgba.fill(0, at, at + 4);
  }
}
