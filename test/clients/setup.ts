import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import { loopbackServer } from '../support/loopback-server.ts';

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
  const server = await loopbackServer(() => undefined);
  onTestFinished(() => server.close());
  return server.url;
}
