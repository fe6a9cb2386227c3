import sharp, { type Sharp } from 'sharp';
import type { Drawing, OutputSize } from '../contract/picture.ts';
import { backdropOf, withoutBackdrop } from './backdrop.ts';

/**
 * Makes of a picture what the drawing says, no larger than the size, and returns a PNG. No model is
 * involved: the backdrop is what has the colour of the first pixel.
 */
export async function draw(
  drawing: Exclude<Drawing, { kind: 'film' }>,
  picture: Buffer,
  size: OutputSize,
): Promise<Buffer> {
  switch (drawing.kind) {
    case 'cut-out':
      return withoutBackdrop(within(picture, size));
    case 'backdrop': {
      const cutOut = await withoutBackdrop(within(picture, size));
      return sharp(cutOut).flatten({ background: drawing.colour }).png().toBuffer();
    }
    case 'extension':
      return within(await extend(drawing, picture), size)
        .png()
        .toBuffer();
    case 'recolouring':
      return within(picture, size).modulate({ hue: drawing.degrees }).png().toBuffer();
  }
}

/** Upright, and made smaller where it must be. */
function within(picture: Buffer, { widthPx, heightPx }: OutputSize): Sharp {
  return sharp(picture)
    .rotate()
    .resize(widthPx, heightPx, { fit: 'inside', withoutEnlargement: true });
}

async function extend(
  { above, below, beside }: Extract<Drawing, { kind: 'extension' }>,
  picture: Buffer,
): Promise<Buffer> {
  const background = await backdropOf(picture);
  // In two steps: only the first tells how large the picture is once it is upright.
  const upright = await sharp(picture)
    .rotate()
    .flatten({ background: '#ffffff' })
    .png()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = upright.info;
  const sides = Math.round(width * beside);
  return sharp(upright.data)
    .extend({
      top: Math.round(height * above),
      bottom: Math.round(height * below),
      left: sides,
      right: sides,
      background,
    })
    .png()
    .toBuffer();
}
