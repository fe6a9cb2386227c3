import { FormData } from 'undici';
import type { ImageSource, LoadedImage } from './image-source.ts';

/**
 * A `multipart/form-data` body. Fields come in the order given; what is undefined is left out. The
 * pictures' bytes are held once more while they are sent, nothing else is.
 */
export function multipart(
  fields: Readonly<Record<string, string | LoadedImage | undefined>>,
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, asBlob(value), value.fileName);
  }
  return form;
}

/**
 * Pictures side by side, in the order of their URLs. Nothing has been sent to the provider when
 * this fails. @throws Terminal `image_unreadable` or Retryable, as `ImageSource.load` does.
 */
export function loadAll(images: ImageSource, urls: readonly string[]): Promise<LoadedImage[]> {
  return Promise.all(urls.map((url) => images.load(url)));
}

function asBlob({ bytes, contentType }: LoadedImage): Blob {
  // A Buffer's type allows shared memory, which a Blob does not take; ours come from a socket.
  return new Blob([bytes as Buffer<ArrayBuffer>], { type: contentType });
}
