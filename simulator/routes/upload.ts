import type { Request, RequestHandler } from 'express';
import type { Refusal } from '../contract/refusal.ts';
import type { Reply } from '../contract/reply.ts';
import type { IncomingFile, Upload } from '../contract/upload.ts';
import { nextSequence, type ProviderState } from '../engine/provider-state.ts';
import { identityOf } from '../pictures/image-identity.ts';
import type { ChosenScenario } from '../scenarios/active-scenarios.ts';
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
    const chosen = state.context.scenarios.choose({
      provider: state.dialect.name,
      kind: 'upload',
      key: `${library} ${fingerprint}`,
      ...(requested && { requested }),
    });
    const refusal = scenarioRefusal(chosen);
    if (refusal) return refuse(state, response, refusal, { fingerprint });

    const upload = keepUpload(state, library, file, { chosen, fingerprint });
    if (chosen.scenario.loseFirstReply && chosen.submitNumber === 1) {
      response.socket?.destroy();
      return;
    }
    send(response, reply(upload));
  };
}

/** Keeps the file and writes it in the ledger. */
function keepUpload(
  state: ProviderState,
  library: string,
  file: IncomingFile,
  { chosen, fingerprint }: { chosen: ChosenScenario; fingerprint: string },
): Upload {
  const upload: Upload = {
    id: file.id ?? String(nextSequence(state)),
    library,
    bytes: state.context.imagePool.pooled(file.bytes),
    name: file.name,
    notes: file.notes ?? {},
    uploadedAtMs: Date.now(),
  };
  state.uploads.put(upload);
  state.ledger.uploaded({
    atMs: upload.uploadedAtMs,
    uploadId: upload.id,
    library,
    scenario: chosen.name,
    byteCount: upload.bytes.length,
    fingerprint,
  });
  return upload;
}
