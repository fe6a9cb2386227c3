// Draws the example pictures: one person and three garments. Run `npx tsx simulator/pictures/make-artwork.ts`
// after changing a shape, and look at the result. All shapes share the person's coordinates
// (768 × 1152, centre at x = 384), so a garment is drawn where it will be worn.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { ARMS, BACKDROP, BODY, HEAD, LEGS } from './artwork-figure.ts';
import { DRESS, JACKET, SHIRT } from './artwork-garments.ts';

interface Picture {
  file: string;
  /** The part of the shared coordinates that is shown. */
  view: { left: number; top: number; width: number; height: number };
  widthPx: number;
  shapes: string;
}

const PICTURES: Picture[] = [
  {
    file: 'person.png',
    view: { left: 0, top: 0, width: 768, height: 1152 },
    widthPx: 768,
    shapes: BACKDROP + LEGS + ARMS + BODY + HEAD,
  },
  {
    file: 'garment-shirt.png',
    view: { left: 184, top: 226, width: 400, height: 400 },
    widthPx: 800,
    shapes: SHIRT,
  },
  {
    file: 'garment-jacket.png',
    view: { left: 184, top: 226, width: 400, height: 400 },
    widthPx: 800,
    shapes: JACKET,
  },
  {
    file: 'garment-dress.png',
    view: { left: 144, top: 226, width: 480, height: 640 },
    widthPx: 720,
    shapes: DRESS,
  },
];

for (const { file, view, widthPx, shapes } of PICTURES) {
  const viewBox = `${view.left} ${view.top} ${view.width} ${view.height}`;
  const heightPx = Math.round((widthPx * view.height) / view.width);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}" width="${widthPx}"
    height="${heightPx}">${shapes}</svg>`;
  // A palette keeps flat colours small enough to live in a repository.
  const info = await sharp(Buffer.from(svg))
    .png({ palette: true, colors: 128, effort: 10 })
    .toFile(fileURLToPath(new URL(`../artwork/${file}`, import.meta.url)));
  process.stdout.write(`${file} ${info.width}x${info.height} ${info.size} bytes\n`);
}
