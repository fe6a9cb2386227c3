import type { Request, RequestHandler } from 'express';
import type { IncomingFile, Refusal, Reply, Upload } from '../contract/dialect.ts';
import { nextSequence, type ProviderState } from '../engine/provider-state.ts';
import { identityOf } from '../pictures/image-identity.ts';
import { scenarioRefusal } from '../scenarios/scenario-refusal.ts';
import { isScenarioName, unknownScenarioMessage } from '../scenarios/scenarios.ts';
import { refuse, send } from './replies.ts';

/**
 * The way in for files that are sent ahead of the work they are for. It costs nothing, so only a
 * scenario that was set for uploads, or named by the request, refuses one or loses its answer.
 */
export function createUploadRoute(
  state: ProviderState,
  library: string,
  read: (request: Request) => Promise<IncomingFile | Refusal>,
  reply: (upload: Upload) => Reply,
): RequestHandler {
  return async (request, response) => {
    const file = await read(request);
    if ('reason' in file) return refuse(state, response, file);
    const fingerprint = identityOf(file.bytes);
    const requested = request.get('x-simulate');
    if (requested !== undefined && !isScenarioName(requested)) {
      const message = unknownScenarioMessage(requested);
      return refuse(state, response, { reason: 'invalid', message }, { fingerprint });
    }
    const chosen = state.world.board.choose({
      provider: state.dialect.name,
      kind: 'upload',
      key: `${library} ${fingerprint}`,
      ...(requested && { requested }),
    });
    const refusal = scenarioRefusal(chosen);
    if (refusal) return refuse(state, response, refusal, { fingerprint });

    const uploadedAtMs = Date.now();
    const upload: Upload = {
      id: file.id ?? String(nextSequence(state)),
      library,
      bytes: state.world.images.pooled(file.bytes),
      name: file.name,
      notes: file.notes ?? {},
      uploadedAtMs,
    };
    state.uploads.put(upload);
    state.book.uploaded({
      atMs: uploadedAtMs,
      uploadId: upload.id,
      library,
      scenario: chosen.name,
      byteCount: upload.bytes.length,
      fingerprint,
    });
    if (chosen.scenario.loseFirstReply && chosen.submitNumber === 1) {
      response.socket?.destroy();
      return;
    }
    send(response, reply(upload));
  };
}
