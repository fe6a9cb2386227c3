import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { dress } from '../../simulator/pictures/dressing.ts';
import { loopbackServer } from '../support/loopback-server.ts';
import { setup } from './setup.ts';

const example = (file: string) =>
  readFile(new URL(`../../simulator/artwork/${file}`, import.meta.url));

/** The share of pixels that differ between two pictures of the same size, inside a band. */
async function changedShare(before: Buffer, after: Buffer, band: { top: number; bottom: number }) {
  const read = (picture: Buffer) =>
    sharp(picture).resize(96, 144, { fit: 'fill' }).removeAlpha().raw().toBuffer();
  const [first, second] = await Promise.all([read(before), read(after)]);
  let changed = 0;
  let counted = 0;
  for (let row = Math.round(band.top * 144); row < band.bottom * 144; row += 1) {
    for (let at = row * 96 * 3; at < (row + 1) * 96 * 3; at += 3) {
      counted += 1;
      const differs = [at, at + 1, at + 2].some(
        (channel) => Math.abs((first[channel] ?? 0) - (second[channel] ?? 0)) > 30,
      );
      if (differs) changed += 1;
    }
  }
  return changed / counted;
}

test('a garment covers the torso and leaves the head and feet alone', async () => {
  const [person, shirt] = await Promise.all([example('person.png'), example('garment-shirt.png')]);
  const result = await dress(person, [shirt], { widthPx: 864, heightPx: 1296, fit: 'cover' });
  expect(await changedShare(person, result, { top: 0.25, bottom: 0.5 })).toBeGreaterThan(0.15);
  expect(await changedShare(person, result, { top: 0, bottom: 0.18 })).toBeLessThan(0.02);
  expect(await changedShare(person, result, { top: 0.8, bottom: 1 })).toBeLessThan(0.02);
});

test('every garment is laid on, the later over the earlier', async () => {
  const [person, shirt, jacket] = await Promise.all(
    ['person.png', 'garment-shirt.png', 'garment-jacket.png'].map(example),
  );
  if (!person || !shirt || !jacket) throw new Error('the examples are missing');
  const size = { widthPx: 512, heightPx: 512, fit: 'inside' } as const;
  const band = { top: 0.25, bottom: 0.5 };
  const both = await dress(person, [shirt, jacket], size);
  expect(await changedShare(await dress(person, [shirt], size), both, band)).toBeGreaterThan(0.1);
  expect(await changedShare(await dress(person, [jacket], size), both, band)).toBeGreaterThan(0.02);
});

test('photographs without a plain backdrop, and garments larger than the person, still work', async () => {
  const noise = await sharp({
    create: {
      width: 200,
      height: 120,
      channels: 3,
      background: '#888888',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })
    .jpeg()
    .toBuffer();
  const result = await dress(noise, [noise], { widthPx: 64, heightPx: 64, fit: 'inside' });
  expect(await sharp(result).metadata()).toMatchObject({ format: 'png', width: 64 });
});

test.each([
  ['1K', 1024],
  ['2K', 2048],
])('a FitInView result of %s has a longest side of %i pixels', async (size, px) => {
  const { fitinview } = await setup();
  const { body } = await fitinview.submit({ wait: true, output_size: size });
  const response = await fetch(String(body['result_url']));
  expect(response.headers.get('content-type')).toBe('image/png');
  const { width, height } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
  expect(Math.max(width, height)).toBe(px);
});

test('a FASHN result is 864 by 1296', async () => {
  const { fashn, receiver } = await setup();
  await fashn.run({ webhookUrl: receiver.url });
  const [webhook] = await receiver.until(1);
  const output = webhook?.body['output'];
  const url = Array.isArray(output) ? String(output[0]) : '';
  const png = Buffer.from(await (await fetch(url)).arrayBuffer());
  expect(await sharp(png).metadata()).toMatchObject({ width: 864, height: 1296 });
});

test('inputs on another server are fetched, and a broken one fails a FitInView job', async () => {
  const { fitinview } = await setup();
  const picture = await example('person.png');
  const server = await loopbackServer(({ url }, _request, response) => {
    if (url === '/ok.png') response.end(picture);
    else response.writeHead(404).end();
  });
  onTestFinished(() => server.close());
  const submit = (file: string) =>
    fitinview.submit({ wait: true, person_url: `${server.url}/${file}` });
  expect((await submit('ok.png')).body['status']).toBe('completed');
  expect((await submit('gone.png')).body).toMatchObject({
    status: 'failed',
    error: { code: 'image_load_failed' },
  });
});

test('only pictures of the assets folder are served', async () => {
  const { call } = await setup();
  expect((await call('/assets/person.png')).status).toBe(200);
  for (const file of [
    '..%2fpictures%2fmake-artwork.ts',
    '..%2fpackage.json',
    '%2e%2e%2fa.png',
    'none.png',
    '.a.png',
  ]) {
    expect((await call(`/assets/${file}`)).status, file).toBe(404);
  }
  expect((await call('/results/nothing.png')).status).toBe(404);
});
