import type { LookupFunction } from 'node:net';
import { Agent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createImageSource, type ImageSourceOptions } from '../../src/outbound/image-source.ts';
import { createOutboundAgent } from '../../src/outbound/public-address.ts';
import { always, loopbackServer } from '../support/loopback-server.ts';

const GIF = Buffer.from('GIF89a, and whatever follows');
const UNREADABLE = { name: 'Terminal', code: 'image_unreadable' };

/** A resolver for which every name leads to this machine. */
const local: LookupFunction = (_name, options, callback) =>
  options.all
    ? callback(null, [{ address: '127.0.0.1', family: 4 }])
    : callback(null, '127.0.0.1', 4);

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

/**
 * The strict policy, and a server that answers as https://images.example.com; every other name leads
 * to 127.0.0.1. Only that one name's connections are ours: the guard judges all others.
 */
async function behindPublicName(reply: Parameters<typeof loopbackServer>[0]) {
  const server = await loopbackServer(reply);
  const guarded = createOutboundAgent({ allowInsecure: false, lookup: local });
  const own = new Agent();
  const dispatcher = guarded.compose(
    (dispatch) => (options, handler) =>
      options.origin === 'https://images.example.com'
        ? own.dispatch({ ...options, origin: server.url }, handler)
        : dispatch(options, handler),
  );
  const images = createImageSource({ allowInsecure: false, dispatcher });
  onTestFinished(async () => {
    await server.close();
    await Promise.all([images.close(), guarded.close(), own.close()]);
  });
  return { server, images };
}

const serveGif: Parameters<typeof loopbackServer>[0] = (_request, _req, res) =>
  res.writeHead(200, { 'content-type': 'text/plain' }).end(GIF);

describe('loading a picture', () => {
  test('brings its exact bytes and a type known by them, under a name of our own', async () => {
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
    await expect(images.load(`${server.url}/4`)).rejects.toMatchObject(UNREADABLE);
  });

  test('follows a redirect whose path is written as it is, in UTF-8, as browsers do', async () => {
    const { server, images } = await setup((request, ...raw) => {
      if (request.url !== '/') return serveGif(request, ...raw);
      raw[0].socket.end(
        'HTTP/1.1 302 Found\r\nLocation: /kätzchen.gif\r\nContent-Length: 0\r\n\r\n',
      );
    });
    expect((await images.load(`${server.url}/`)).bytes).toEqual(GIF);
    expect(server.received.map(({ url }) => url)).toEqual(['/', '/k%C3%A4tzchen.gif']);
  });

  test.each([
    ['a private address', 'https://10.0.0.1/', 'must not point into a private network'],
    ['an address in another spelling', 'https://0x7f.1/', 'must not point into a private network'],
    ['a mapped address', 'https://[::ffff:127.0.0.1]/', 'must not point into a private network'],
    ['a private name', 'https://metadata.internal./', 'must name a host on the internet'],
    ['a name that resolves to a private address', 'https://rebound.example.com/', undefined],
    ['plain http', 'http://images.example.com/next', 'must start with https://'],
    ['the port of a service', 'https://images.example.com:6379/', 'must not use port 6379'],
    ['a user name', 'https://user@images.example.com/', 'must not hold a user name'],
  ])('does not follow a redirect from a public host to %s', async (_what, location, problem) => {
    const { server, images } = await behindPublicName(always(302, '', { location }));
    const refused = images.load('https://images.example.com/');
    await expect(refused).rejects.toMatchObject({
      ...UNREADABLE,
      message: expect.stringContaining(
        problem
          ? `Catwalk could not load an image: a redirect ${problem}`
          : 'its host is not public',
      ),
    });
    expect(server.received).toHaveLength(1);
  });

  test.each(['ftp://example.com/x', 'https://user:pass@example.com/', '//', 'http://['])(
    'does not follow a redirect to %s',
    async (location) => {
      const { server, images } = await setup(always(302, '', { location }));
      await expect(images.load(server.url)).rejects.toMatchObject(UNREADABLE);
    },
  );

  test('refuses a host that is not public before it connects, whatever its name says', async () => {
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
      await expect(refused).rejects.toMatchObject(UNREADABLE);
      await expect(refused).rejects.not.toThrow(/example\.com|127\.0\.0\.1/);
      await expect(refused).rejects.toThrow(/^Catwalk could not load an image: its /);
    }
    expect(server.connections()).toBe(0);
  });

  test.each([
    ['HTML', 200, '<html>'],
    ['a video', 200, '\0\0\0\x18ftypmp42'],
    ['nothing', 200, ''],
    ['no such picture', 404, 'no'],
    ['a picture under an error', 410, GIF.toString()],
    ['a picture for those who log in', 401, GIF.toString()],
    ['a redirect to nowhere', 302, ''],
  ])('finds %s unreadable for good', async (_what, status, body) => {
    const { server, images } = await setup(always(status, body));
    await expect(images.load(server.url)).rejects.toMatchObject(UNREADABLE);
  });

  test.each([403, 408, 425, 429, 500, 503, 599])(
    'may be tried again after %d, when Retry-After says; its verdict is for when that lasts',
    async (status) => {
      for (const [asked, retryAfterMs] of [
        ['', undefined],
        ['90', 90_000],
        [new Date(Date.now() + 90_000).toUTCString(), expect.closeTo(90_000, -4)],
        ['99999', 3_600_000],
      ] as const) {
        const { server, images } = await setup(always(status, '', { 'retry-after': asked }));
        await expect(images.load(server.url)).rejects.toMatchObject({
          name: 'Retryable',
          code: 'image_unavailable',
          retryAfterMs,
          ifItLasts: {
            ...UNREADABLE,
            message: `Catwalk could not load an image: its host keeps answering ${status}.`,
          },
        });
      }
    },
  );

  test('refuses AVIF and HEIC, which no provider of bytes is known to read', async () => {
    for (const brand of ['avif', 'heic']) {
      const { images, server } = await setup(always(200, `\0\0\0\x18ftyp${brand}`));
      await expect(images.load(server.url)).rejects.toMatchObject({ code: 'image_unreadable' });
    }
  });

  test('refuses one that is too large for good', async () => {
    const { server, images } = await setup(serveGif, { maxBodyBytes: 10 });
    await expect(images.load(server.url)).rejects.toMatchObject({
      ...UNREADABLE,
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

  test('does not wait again and again for a host that never answers, and goes on asking it', async () => {
    let clock = 0;
    let isDead = true;
    const options = { timeoutMs: 100, now: () => clock };
    const { server, images } = await setup((request, ...raw) => {
      // As long as a picture may take.
      clock += 20_000;
      if (!isDead) serveGif(request, ...raw);
    }, options);
    const load = (): Promise<unknown> =>
      images.load(server.url).catch((error: Error) => error.name);
    for (let n = 0; n < 20; n++) expect(await load()).toBe('Retryable');
    expect(server.received).toHaveLength(3);
    isDead = false;
    clock += 60_000;
    for (let n = 0; n < 2; n++) expect(await load()).toMatchObject({ bytes: GIF });
  });

  test('finds a host that does not exist unreadable, and one that is down worth another try', async () => {
    const unknown: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
    const { server, images } = await setup(serveGif, { lookup: unknown });
    await expect(images.load('http://nowhere.example.com/')).rejects.toMatchObject(UNREADABLE);
    await server.close();
    await expect(images.load(server.url)).rejects.toMatchObject({ name: 'Retryable' });
  });
});
