import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import S3rver from '@20minutes/s3rver';
import sharp from 'sharp';
import type { Cleanup } from '../../rig/cleanup.ts';

export const BUCKET = 'kept';
/** Pictures differ in a text of their own; all else of them is the same. */
const SIDE = 300;

/** Pictures of a provider, each behind a link that dies. */
export interface PictureHost {
  linkTo(n: number): string;
  hashOf(n: number): string;
  readonly bytesOfEach: number;
  /** From now on picture `n` can be had, until `diesAt` (Unix ms). */
  publish(n: number, diesAt: number): void;
  /** How many requests came too late. */
  tooLate(): number;
}

export async function startPictureHost(cleanup: Cleanup): Promise<PictureHost> {
  const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const;
  const create = { width: SIDE, height: SIDE, channels: 3, background: '#000', noise } as const;
  const plain = await sharp({ create }).png().toBuffer();
  const pictureOf = (n: number): Buffer => withText(plain, `picture ${String(n).padStart(8, '0')}`);
  const deaths = new Map<number, number>();
  let tooLate = 0;
  const url = await listen(cleanup, (request, response) => {
    const n = Number(request.url?.slice(1));
    if (Date.now() < (deaths.get(n) ?? 0)) {
      response.writeHead(200, { 'content-type': 'image/png' }).end(pictureOf(n));
      return;
    }
    tooLate += 1;
    response.writeHead(410).end();
  });
  return {
    linkTo: (n) => `${url}/${n}`,
    hashOf: (n) => createHash('sha256').update(pictureOf(n)).digest('hex'),
    bytesOfEach: pictureOf(0).length,
    publish: (n, diesAt) => void deaths.set(n, diesAt),
    tooLate: () => tooLate,
  };
}

/** An S3-compatible storage that can be taken away. */
export interface Storage {
  readonly url: string;
  goDown(): void;
  comeBack(): void;
}

export async function startStorage(cleanup: Cleanup, directory: string): Promise<Storage> {
  const s3 = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory },
    configureBuckets: [{ name: BUCKET }],
  });
  await s3.configureBuckets();
  const answer = s3.callback();
  let isDown = false;
  const url = await listen(cleanup, (request, response) => {
    if (isDown) request.socket.destroy();
    else answer(request, response);
  });
  return {
    url,
    goDown: () => {
      isDown = true;
    },
    comeBack: () => {
      isDown = false;
    },
  };
}

async function listen(cleanup: Cleanup, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a TCP server has one
  return `http://127.0.0.1:${port}`;
}

/** A text chunk before the end. Its checksum is 0, which decoders pass over in such a chunk. */
function withText(png: Buffer, text: string): Buffer {
  const body = Buffer.from(`n\0${text}`, 'latin1');
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length);
  head.write('tEXt', 4, 'latin1');
  const end = png.length - 12;
  return Buffer.concat([png.subarray(0, end), head, body, Buffer.alloc(4), png.subarray(end)]);
}
