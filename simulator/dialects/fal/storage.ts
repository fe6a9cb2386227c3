import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { type Request, type RequestHandler, type Router, raw } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import type { IncomingFile } from '../../contract/upload.ts';
import { invalid } from '../inputs.ts';
import { notSupported } from './errors.ts';

// Facts: fal, "fal CDN", and the official SDK's storage client, read 2026-11-21. What no document
// says is an ASSUMPTION.

const LIBRARY = 'cdn';
/** Larger than any documented picture, small enough to bound memory. */
const MAX_FILE_BYTES = 25 * 1024 * 1024;

const Initiate = z.object({
  content_type: z.string().min(1),
  // It becomes the end of an address.
  file_name: z.string().min(1).max(255),
});

/** ASSUMPTION: what makes an upload address one that was given out. */
function signatureOf(id: string, provider: Provider): string {
  return createHmac('sha256', provider.signingSecret()).update(`upload ${id}`).digest('hex');
}

function isGivenOut(request: Request, provider: Provider): boolean {
  const expected = Buffer.from(signatureOf(String(request.params['id']), provider));
  const given = Buffer.from(String(request.query['signature']));
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The first of two steps: where to put the bytes, and where they will be read. */
function initiate(request: Request, provider: Provider): Reply | Refusal {
  const wanted = Initiate.safeParse(request.body);
  if (!wanted.success) return invalid(wanted.error);
  const id = randomUUID();
  const file = `/files/${id}/${encodeURIComponent(wanted.data.file_name)}`;
  const signature = signatureOf(id, provider);
  return {
    status: 200,
    body: {
      file_url: provider.url(file),
      upload_url: provider.url(`/upload${file}?signature=${signature}`),
    },
  };
}

async function readBytes(request: Request): Promise<IncomingFile | Refusal> {
  const body: unknown = request.body;
  if (!Buffer.isBuffer(body)) return { reason: 'invalid', message: 'The file is missing.' };
  const contentType = request.get('content-type') ?? 'application/octet-stream';
  const { id, name } = request.params;
  return { id: String(id), name: String(name), bytes: body, notes: { contentType } };
}

const MISSING: Refusal = { reason: 'not-found', message: 'No such file.' };

function refuseUnsigned(provider: Provider): RequestHandler {
  const refused = provider.answer(() => ({ status: 403, body: { detail: 'Wrong signature.' } }));
  return (request, response, next) =>
    isGivenOut(request, provider) ? next() : refused(request, response, next);
}

/** The CDN: no key is needed to read, and to write only the address that was given out. */
export function mountFiles(router: Router, provider: Provider): void {
  router.put(
    '/upload/files/:id/:name',
    refuseUnsigned(provider),
    raw({ type: () => true, limit: MAX_FILE_BYTES }),
    provider.upload(LIBRARY, readBytes, () => ({ status: 200, body: {} })),
  );
  router.get(
    '/files/:id/:name',
    provider.answer(({ params }) => {
      const file = provider.findUpload(LIBRARY, String(params['id']));
      if (!file || file.name !== params['name']) return MISSING;
      const contentType = String(file.notes['contentType']);
      return { status: 200, headers: { 'content-type': contentType }, body: file.bytes };
    }),
  );
}

/** The first steps of uploads, and what the same host offers for browsers. */
export function mountRest(router: Router, provider: Provider): void {
  router.post(
    '/rest/storage/upload/initiate',
    provider.answer((request) => initiate(request, provider)),
  );
  const answer = (what: string) => provider.answer(() => notSupported(what));
  router.post(
    '/rest/storage/upload/initiate-multipart',
    answer('uploads in parts; a file may have 25 MB'),
  );
  router.post('/rest/tokens', answer('realtime connections, nor tokens for browsers'));
  router.all('/rest/*path', answer('this part of rest.fal.ai'));
}
