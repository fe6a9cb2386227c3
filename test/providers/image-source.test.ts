import type { LookupFunction } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createImageSource, type ImageSourceOptions } from '../../src/providers/image-source.ts';
import { always, loopbackServer } from './loopback-server.ts';

const GIF = Buffer.from('GIF89a, and whatever follows');

async function setup(
  reply: Parameters<typeof loopbackServer>[0],
  options: Partial<ImageSourceOptions> = {},
) {
  const server = await loopbackServer(reply);
  const images = createImageSource({ allowInsecure: true, ...options });
  onTestFinished(async () => {
    await server.close();
    await images.close();
  });
  return { server, images };
}

const serveGif: Parameters<typeof loopbackServer>[0] = (_request, _req, res) =>
  res.writeHead(200, { 'content-type': 'text/plain' }).end(GIF);

describe('loading a picture', () => {
  test('brings its exact bytes and a type told by them, under a name of our own', async () => {
    const { server, images } = await setup(serveGif);
    const loaded = await images.load(`${server.url}/../private-name.jpg?secret=1`);
    expect(loaded).toEqual({ bytes: GIF, contentType: 'image/gif', fileName: 'image.gif' });
  });

  test('says who asks, and names the types that are taken, at every redirect too', async () => {
    const { server, images } = await setup(
      (request, ...raw) => {
        if (request.url === '/') raw[1].writeHead(302, { location: '/next' }).end();
        else serveGif(request, ...raw);
      },
      { userAgent: 'my-shop/1.0' },
    );
    await images.load(`${server.url}/`);
    expect(server.received).toHaveLength(2);
    for (const { headers } of server.received) {
      expect(headers).toMatchObject({
        'user-agent': 'my-shop/1.0',
        accept: 'image/png, image/jpeg, image/webp, image/gif, */*;q=0.1',
      });
    }
  });

  test('follows three redirects, and not a fourth', async () => {
    const { server, images } = await setup((request, ...raw) => {
      const left = Number(request.url.slice(1));
      if (left === 0) serveGif(request, ...raw);
      else raw[1].writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect((await images.load(`${server.url}/3`)).bytes).toEqual(GIF);
    await expect(images.load(`${server.url}/4`)).rejects.toMatchObject({
      name: 'Terminal',
      code: 'image_unreadable',
    });
  });

  test.each(['ftp://example.com/x', 'https://user:pass@example.com/', '//', 'http://['])(
    'does not follow a redirect to %s',
    async (location) => {
      const { server, images } = await setup(always(302, '', { location }));
      await expect(images.load(server.url)).rejects.toMatchObject({
        name: 'Terminal',
        code: 'image_unreadable',
      });
    },
  );

  test('refuses a host that is not public before it connects, whatever its name says', async () => {
    const local: LookupFunction = (_name, options, callback) =>
      options.all
        ? callback(null, [{ address: '127.0.0.1', family: 4 }])
        : callback(null, '127.0.0.1', 4);
    const { server, images } = await setup(serveGif, { allowInsecure: false, lookup: local });
    const { port } = new URL(server.url);
    for (const url of [
      `https://127.0.0.1:${port}/`,
      `https://images.example.com:${port}/`,
      'https://[::1]/',
      'https://metadata.internal/',
      `http://images.example.com:${port}/`,
    ]) {
      const refused = images.load(url);
      await expect(refused).rejects.toMatchObject({ name: 'Terminal', code: 'image_unreadable' });
      await expect(refused).rejects.not.toThrow(/example\.com|127\.0\.0\.1/);
    }
    expect(server.connections()).toBe(0);
  });

  test.each([
    ['HTML', 200, '<html>'],
    ['a video', 200, '\0\0\0\x18ftypmp42'],
    ['nothing', 200, ''],
    ['no such picture', 404, 'no'],
    ['a picture under an error', 403, GIF.toString()],
  ])('finds %s unreadable for good', async (_what, status, body) => {
    const { server, images } = await setup(always(status, body));
    await expect(images.load(server.url)).rejects.toMatchObject({
      name: 'Terminal',
      code: 'image_unreadable',
    });
  });

  test.each([429, 500, 503])('may be tried again after %d', async (status) => {
    const { server, images } = await setup(always(status, ''));
    await expect(images.load(server.url)).rejects.toMatchObject({
      name: 'Retryable',
      code: 'image_unavailable',
    });
  });

  test('refuses AVIF and HEIC, which no provider of bytes is known to read', async () => {
    for (const brand of ['avif', 'heic']) {
      const { images, server } = await setup(always(200, `\0\0\0\x18ftyp${brand}`));
      await expect(images.load(server.url)).rejects.toMatchObject({ code: 'image_unreadable' });
    }
  });

  test('refuses one that is too large for good', async () => {
    const { server, images } = await setup(serveGif, { maxBodyBytes: 10 });
    await expect(images.load(server.url)).rejects.toMatchObject({
      name: 'Terminal',
      code: 'image_unreadable',
      message: expect.stringContaining('too large'),
    });
  });

  test('gives up in time, redirects and all, and may be tried again', async () => {
    const { server, images } = await setup(
      (request, _req, res) => {
        // The second request is never answered.
        if (request.url === '/') res.writeHead(302, { location: '/next' }).end();
      },
      { timeoutMs: 100 },
    );
    await expect(images.load(`${server.url}/`)).rejects.toMatchObject({ name: 'Retryable' });
    expect(server.received.map(({ url }) => url)).toEqual(['/', '/next']);
  });

  test('finds a host that does not exist unreadable, and one that is down worth another try', async () => {
    const unknown: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
    const { server, images } = await setup(serveGif, { lookup: unknown });
    await expect(images.load('http://nowhere.example.com/')).rejects.toMatchObject({
      name: 'Terminal',
      code: 'image_unreadable',
    });
    await server.close();
    await expect(images.load(server.url)).rejects.toMatchObject({ name: 'Retryable' });
  });
});
