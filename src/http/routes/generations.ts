import { type Request, type RequestHandler, Router } from 'express';
import { type Generation, isFinal } from '../../generation/generation.ts';
import { GenerationId } from '../../generation/ids.ts';
import type { ShowResults } from '../../generation/kept-result.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { RequestGeneration } from '../../producers/request-generation.ts';
import type { Store } from '../../store/store.ts';
import type { Vault } from '../../vault/vault.ts';
import { createBodyReader } from '../bodies.ts';
import { HttpError } from '../error-response.ts';
import { readJson, requireJson } from '../json-body.ts';
import { representation } from '../representation.ts';
import { createResultsOf } from '../results-of.ts';
import { needingRedis } from '../unavailable.ts';

/**
 * `POST /` asks for a generation (202; 200 when the Idempotency-Key was used for the same before),
 * `GET /:id` reads one, `POST /:id/cancel` asks for its end (202; 200 when it has ended already).
 */
export function generationRoutes(parts: {
  requestGeneration: RequestGeneration;
  store: Store;
  enqueue: Enqueue;
  tenantOf: (request: Request) => string;
  maxBodyBytes: number;
  vault: Vault | undefined;
  showResults: ShowResults;
}): Router {
  const { requestGeneration, store, enqueue, tenantOf, maxBodyBytes } = parts;
  const router = Router();
  const resultsOf = createResultsOf(parts);
  const readBody = createBodyReader(maxBodyBytes);

  /** Before the body is read: a stranger's body is not worth reading. */
  const admit: RequestHandler = (request, _response, next) => {
    tenantOf(request);
    if (request.method === 'POST' && request.path === '/') requireJson(request);
    next();
  };
  router.use(admit);

  router.post('/', readBody, async (request, response) => {
    const tenant = tenantOf(request);
    const idempotencyKey = request.get('idempotency-key');
    const asked = requestGeneration(readJson(request), { tenant, idempotencyKey });
    const { generation, created } = await needingRedis(asked);
    response
      .status(created ? 202 : 200)
      .location(`/v1/generations/${generation.id}`)
      .json(representation(generation, await resultsOf(generation)));
  });

  router.get('/:id', async (request, response) => {
    const generation = await find(request, tenantOf(request));
    response.json(representation(generation, await resultsOf(generation)));
  });

  router.post('/:id/cancel', async (request, response) => {
    // Whatever body it has is not read, and not kept meanwhile.
    request.resume();
    const generation = await find(request, tenantOf(request));
    if (isFinal(generation)) {
      response.json(representation(generation, await resultsOf(generation)));
      return;
    }
    await needingRedis(enqueue.completion({ id: generation.id, event: { type: 'cancel' } }));
    response.status(202).json(representation(generation));
  });

  /** Another tenant's generation does not exist. */
  async function find(request: Request, tenant: string): Promise<Generation> {
    const id = GenerationId.safeParse(request.params['id']);
    const found = id.success ? await needingRedis(store.load(id.data)) : undefined;
    if (found?.tenant === tenant) return found;
    throw new HttpError(404, 'generation_not_found', 'There is no such generation (any more).');
  }

  return router;
}
