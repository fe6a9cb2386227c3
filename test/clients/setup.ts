import { once } from 'node:events';
import { createServer } from 'node:http';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';

/** A picture as its user finds it: by its address, or inline. */
export async function pictureAt(address: string | undefined) {
  const response = await fetch(address ?? '');
  const bytes = Buffer.from(await response.arrayBuffer());
  const { format, width, height } = await sharp(bytes).metadata();
  const { isOpaque } = await sharp(bytes).stats();
  return { contentType: response.headers.get('content-type'), format, width, height, isOpaque };
}

/** The error that a call ends with; a call that ends well is an error of the test. */
export async function errorOf<E extends Error>(
  kind: new (...parts: never[]) => E,
  call: PromiseLike<unknown>,
): Promise<E> {
  const error: unknown = await Promise.resolve(call).then(
    () => undefined,
    (thrown) => thrown,
  );
  if (error instanceof kind) return error;
  throw new Error(`not a ${kind.name}: ${String(error)}`);
}

/** The address of a server that takes every request and answers none. */
export async function silentServer(): Promise<string> {
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not on TCP');
  return `http://127.0.0.1:${address.port}`;
}
