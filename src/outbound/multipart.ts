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

/** What `checkPictures` leaves behind: the pictures themselves must not be saved. */
const CHECKED = 'pictures-checked';

/**
 * The `prepare` of a provider that takes the pictures' bytes with the submission itself: loads them
 * once, so that one that cannot be had is found before the intent to submit is recorded, and a crash
 * while they load leaves nothing in doubt. `submit` loads them again.
 * @throws as `loadAll` does.
 */
export async function checkPictures(
  images: ImageSource,
  urls: readonly string[],
  prepared: string | undefined,
): Promise<{ prepared: string; done: true }> {
  if (prepared !== CHECKED) await loadAll(images, urls);
  return { prepared: CHECKED, done: true };
}

function asBlob({ bytes, contentType }: LoadedImage): Blob {
  // A Buffer's type allows shared memory, which a Blob does not take; ours come from a socket.
  return new Blob([bytes as Buffer<ArrayBuffer>], { type: contentType });
}
