import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { Drawing } from '../../simulator/contract/picture.ts';
import { draw } from '../../simulator/pictures/drawing.ts';
import { dress, savedAs } from '../../simulator/pictures/dressing.ts';

const person = await readFile(new URL('../../simulator/artwork/person.png', import.meta.url));
/** The example's own: no drawing has to make it smaller. */
const size = { widthPx: 768, heightPx: 1152, fit: 'inside' } as const;

async function pixelAt(picture: Buffer, left: number, top: number): Promise<number[]> {
  const one = sharp(picture).extract({ left, top, width: 1, height: 1 });
  return [...(await one.ensureAlpha().raw().toBuffer())];
}

/** Where the example's figure is, and where there is only backdrop. */
const figure = [384, 150] as const;
const corner = [2, 2] as const;

test('a cut-out keeps the figure and makes the backdrop transparent', async () => {
  const result = await draw({ kind: 'cut-out' }, person, size);
  expect(await sharp(result).metadata()).toMatchObject({ format: 'png', width: 768, height: 1152 });
  expect((await pixelAt(result, ...corner))[3]).toBe(0);
  expect(await pixelAt(result, ...figure)).toEqual(await pixelAt(person, ...figure));
});

test('another backdrop leaves the figure as it was', async () => {
  const result = await draw({ kind: 'backdrop', colour: '#0000ff' }, person, size);
  expect(await pixelAt(result, ...corner)).toEqual([0, 0, 255, 255]);
  expect(await pixelAt(result, ...figure)).toEqual(await pixelAt(person, ...figure));
});

test.each<[Drawing & { kind: 'extension' }, number, number]>([
  [{ kind: 'extension', above: 0.25, below: 0, beside: 0 }, 768, 1440],
  [{ kind: 'extension', above: 0, below: 0.5, beside: 0 }, 768, 1728],
  [{ kind: 'extension', above: 0.25, below: 0.25, beside: 0.25 }, 1152, 1728],
])('an extension %j adds backdrop there, and the size is its limit', async (by, width, height) => {
  const large = { widthPx: 4096, heightPx: 4096, fit: 'inside' } as const;
  const result = await draw(by, person, large);
  expect(await sharp(result).metadata()).toMatchObject({ width, height });
  const [left, top] = [figure[0] + 768 * by.beside, figure[1] + 1152 * by.above];
  expect(await pixelAt(result, left, top)).toEqual(await pixelAt(person, ...figure));
  expect(await pixelAt(result, 2, height - 2)).toEqual(await pixelAt(person, ...corner));
  const small = await sharp(await draw(by, person, size)).metadata();
  expect(small.height).toBe(1152);
});

test('a recolouring changes the colours, and zero degrees change nothing', async () => {
  const turned = await draw({ kind: 'recolouring', degrees: 90 }, person, size);
  const same = await draw({ kind: 'recolouring', degrees: 0 }, person, size);
  const before = await pixelAt(person, ...figure);
  expect(await pixelAt(turned, ...figure)).not.toEqual(before);
  expect(await pixelAt(same, ...figure)).toEqual(before);
});

test('a person who has to fit into another shape keeps the whole figure and gets more backdrop', async () => {
  const result = await dress(person, [], { widthPx: 1152, heightPx: 1152, fit: 'contain' });
  expect(await sharp(result).metadata()).toMatchObject({ width: 1152, height: 1152 });
  expect(await pixelAt(result, ...corner)).toEqual(await pixelAt(person, ...corner));
  expect(await pixelAt(result, figure[0] + 192, figure[1])).toEqual(
    await pixelAt(person, ...figure),
  );
});

test.each(['png', 'jpeg', 'webp'] as const)('a result saved as %s is one', async (format) => {
  const cutOut = await draw({ kind: 'cut-out' }, person, size);
  const saved = await savedAs(format, cutOut);
  expect((await sharp(saved).metadata()).format).toBe(format);
  const [, , , alpha] = await pixelAt(saved, ...corner);
  expect(alpha).toBe(format === 'jpeg' ? 255 : 0);
});
