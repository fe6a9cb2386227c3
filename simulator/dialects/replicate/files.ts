import { createHash } from 'node:crypto';
import type { Request, Router } from 'express';
import { z } from 'zod';
import type { ImageInput } from '../../contract/picture.ts';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import type { IncomingFile, Upload } from '../../contract/upload.ts';
import { readForm } from '../multipart.ts';
import type { Work } from './models.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it (files.create, files.get,
// files.list, files.delete), read 2026-11-21. What no document says is an ASSUMPTION.

const LIBRARY = 'files';

/** ASSUMPTION: "Files expire" names no time in that description; a day. */
const KEEPS_FILES_FOR_MS = 24 * 60 * 60 * 1000;

const FILE_ID = /\/v1\/files\/([0-9a-z]+)$/;
const Notes = z.object({ contentType: z.string(), metadata: z.unknown() });

async function readFile(request: Request): Promise<IncomingFile | Refusal> {
  const form = await readForm(request);
  const [content] = form?.files('content') ?? [];
  if (!form || !content) return { reason: 'invalid', message: 'content: the file is missing.' };
  // The official SDK sends a file part of type application/json; curl may send a text.
  const [part] = form.files('metadata');
  const text = part?.bytes.toString() ?? form.text('metadata') ?? '{}';
  try {
    const metadata: unknown = JSON.parse(text);
    const contentType = content.type || 'application/octet-stream';
    return { ...content, notes: { contentType, metadata } };
  } catch {
    return { reason: 'invalid', message: 'metadata: it is not valid JSON.' };
  }
}

function describe(upload: Upload, provider: Provider): Record<string, unknown> {
  const { contentType, metadata } = Notes.parse(upload.notes);
  return {
    id: upload.id,
    name: upload.name,
    content_type: contentType,
    size: upload.bytes.length,
    checksums: { sha256: createHash('sha256').update(upload.bytes).digest('hex') },
    metadata,
    created_at: new Date(upload.uploadedAtMs).toISOString(),
    expires_at: new Date(upload.uploadedAtMs + KEEPS_FILES_FOR_MS).toISOString(),
    urls: { get: provider.url(`/v1/files/${upload.id}`) },
  };
}

const MISSING: Refusal = { reason: 'not-found', message: 'File not found' };

/** The account's files: sent ahead of the predictions that name their addresses. */
export function mountFiles(router: Router, provider: Provider, newId: () => string): void {
  const named = (request: Request) => String(request.params['id']);
  router.post(
    '/v1/files',
    provider.upload(
      LIBRARY,
      async (request) => {
        const file = await readFile(request);
        return 'reason' in file ? file : { ...file, id: newId() };
      },
      (upload) => ({ status: 201, body: describe(upload, provider) }),
    ),
  );
  router.get(
    '/v1/files',
    provider.answer(() => {
      const results = provider.uploads(LIBRARY).toReversed();
      const files = results.map((upload) => describe(upload, provider));
      return { status: 200, body: { previous: null, next: null, results: files } };
    }),
  );
  router.get(
    '/v1/files/:id',
    provider.answer((request) => {
      const upload = provider.findUpload(LIBRARY, named(request));
      return upload ? { status: 200, body: describe(upload, provider) } : MISSING;
    }),
  );
  router.delete(
    '/v1/files/:id',
    provider.answer((request): Reply | Refusal =>
      provider.deleteUpload(LIBRARY, named(request))
        ? { status: 204, body: Buffer.alloc(0) }
        : MISSING,
    ),
  );
}

/**
 * The work, with the bytes of the account's own files in place of their addresses, which only the
 * account itself can read, and of data URIs that do not say they are pictures.
 */
export function withStoredFiles(work: Work, provider: Provider): Work {
  const own = provider.url('/v1/files/');
  const stored = (image: ImageInput): ImageInput => {
    if (typeof image !== 'string') return image;
    const [, base64] = /^data:application\/octet-stream;base64,(.+)$/s.exec(image) ?? [];
    if (base64 !== undefined) return Buffer.from(base64, 'base64');
    const [, id] = (image.startsWith(own) && FILE_ID.exec(image)) || [];
    // What is not there cannot be loaded either, and fails the prediction then.
    return provider.findUpload(LIBRARY, id ?? '')?.bytes ?? image;
  };
  return {
    ...work,
    ...(work.personImage !== undefined && { personImage: stored(work.personImage) }),
    garmentImages: work.garmentImages.map(stored),
  };
}
