import type { ImageSource, LoadedImage } from '../../src/outbound/image-source.ts';
import type { Received } from './loopback-server.ts';

/** One part of a form as it was received: text, or a file's bytes. */
export type Part = string | { bytes: Buffer; contentType: string; fileName: string };

/** The form that a request carried, read by Node's own parser; names that came twice fail. */
export async function formOf(received: Received | undefined): Promise<Record<string, Part>> {
  if (!received) throw new Error('There was no such request');
  const contentType = received.headers['content-type'] ?? '';
  const body = new Uint8Array(received.bytes);
  const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
  const parts: Record<string, Part> = {};
  for (const [name, value] of form) {
    if (name in parts) throw new Error(`${name} came twice`);
    parts[name] = typeof value === 'string' ? value : await fileOf(value);
  }
  return parts;
}

async function fileOf(file: File): Promise<Part> {
  const bytes = Buffer.from(await file.arrayBuffer());
  return { bytes, contentType: file.type, fileName: file.name };
}

/** The picture that `pictures` loads from a URL: its own bytes, JPEG by their look. */
export function pictureAt(url: string): LoadedImage {
  const bytes = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0x00]), Buffer.from(url)]);
  return { bytes, contentType: 'image/jpeg', fileName: 'image.jpg' };
}

/** How a picture looks in a form. */
export const fileAt = (url: string): Part => pictureAt(url);

/** An image source that loads every URL, or fails with this error. */
export function pictures(failure?: Error): ImageSource & { readonly loaded: string[] } {
  const loaded: string[] = [];
  return {
    loaded,
    load: async (url) => {
      if (failure) throw failure;
      loaded.push(url);
      return pictureAt(url);
    },
    close: async () => {},
  };
}
