import type { Request } from 'express';

/** Larger than three pictures of any documented size, small enough to bound memory. */
export const MAX_FORM_BYTES = 64 * 1024 * 1024;

/** The only content type that is read as a form. */
export const FORM_CONTENT_TYPE = 'multipart/form-data';

/** A file of a form; `type` is what its part says, and may be empty. */
interface FormFile {
  bytes: Buffer;
  name: string;
  type: string;
}

/** A parsed form. A name may occur more than once; the order is that of the body. */
export interface Form {
  /** The first text field of this name. */
  text(name: string): string | undefined;
  /** All files of this name. */
  files(name: string): FormFile[];
  /** The file of this name, when there is exactly one and it is not empty. */
  onlyFile(name: string): Buffer | undefined;
}

/**
 * Parses the multipart body that the provider's routes have read as bytes. Undefined when the
 * request is no readable form.
 */
export async function readForm(request: Request): Promise<Form | undefined> {
  const contentType = request.get('content-type') ?? '';
  const body: unknown = request.body;
  if (!request.is(FORM_CONTENT_TYPE) || !Buffer.isBuffer(body)) return undefined;
  const parsed = await new Response(new Uint8Array(body), {
    headers: { 'content-type': contentType },
  })
    .formData()
    .catch(() => undefined);
  if (parsed === undefined) return undefined;

  const texts = new Map<string, string>();
  const files = new Map<string, FormFile[]>();
  for (const [name, value] of parsed) {
    if (typeof value === 'string') {
      if (!texts.has(name)) texts.set(name, value);
    } else {
      const { name: fileName, type } = value;
      const file = { bytes: Buffer.from(await value.arrayBuffer()), name: fileName, type };
      files.set(name, [...(files.get(name) ?? []), file]);
    }
  }
  return {
    text: (name) => texts.get(name),
    files: (name) => files.get(name) ?? [],
    onlyFile(name) {
      const [file, ...others] = files.get(name) ?? [];
      return others.length === 0 && file && file.bytes.length > 0 ? file.bytes : undefined;
    },
  };
}
