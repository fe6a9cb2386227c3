import type { Request, Router } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Upload } from '../../contract/upload.ts';
import { invalid } from '../inputs.ts';
import { readForm } from '../multipart.ts';

// Facts: as in dialect.ts.

/** The collections that pictures are uploaded to. */
export const LIBRARIES = ['person-images', 'garment-images'] as const;

const ListQuery = z.object({
  page: z.coerce.number().int().min(1).default(1),
  // ASSUMPTION: the default size of a page.
  page_size: z.coerce.number().int().min(1).max(100).default(10),
  image_name: z.string().optional(),
});

async function readImage(request: Request): Promise<{ bytes: Buffer; name: string } | Refusal> {
  const form = await readForm(request);
  if (!form) return invalid('The body must be multipart/form-data.');
  const [image] = form.files('image');
  if (!image || image.bytes.length === 0) return invalid('image: No file was submitted.');
  return { bytes: image.bytes, name: form.text('image_name') ?? image.name };
}

function imageBody({ id, library, name }: Upload): Record<string, unknown> {
  // Nothing is served there: only the id is ever used again.
  const imageUrl = `https://cdn.vtryon.com/tryon/${library}/${id}`;
  return { id: Number(id), image_url: imageUrl, image_name: name };
}

/** One collection: uploading, and listing by pages. */
export function mountLibrary(router: Router, provider: Provider, library: string): void {
  const path = `/v2/tryon/${library}/`;
  router.post(
    path,
    provider.upload(library, readImage, (upload) => {
      const { id, image_url } = imageBody(upload);
      return { status: 200, body: { id, image_url } };
    }),
  );
  router.get(path, (request, response) => {
    const parsed = ListQuery.safeParse(request.query);
    if (!parsed.success) {
      response.status(400).json({ detail: z.prettifyError(parsed.error) });
      return;
    }
    const { page, page_size, image_name } = parsed.data;
    const found = provider
      .uploads(library)
      .filter(({ name }) => image_name === undefined || name.includes(image_name));
    const addressOf = (number: number): string | null =>
      number < 1 || (number - 1) * page_size >= found.length
        ? null
        : provider.url(`${path}?page=${number}&page_size=${page_size}`);
    response.json({
      count: found.length,
      next: addressOf(page + 1),
      previous: addressOf(page - 1),
      results: found.slice((page - 1) * page_size, page * page_size).map(imageBody),
    });
  });
  router.delete(`${path}:id/`, (request, response) => {
    const isDeleted = provider.deleteUpload(library, String(request.params.id));
    const detail = isDeleted ? 'Image deleted successfully.' : 'Not found.';
    response.status(isDeleted ? 200 : 404).json({ detail });
  });
}
