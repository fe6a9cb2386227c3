import { type Request, type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { InvalidRequest } from '../../generation/errors.ts';
import type { EndpointTrouble } from '../../store/endpoints.ts';
import { createBodyReader } from '../bodies.ts';
import { HttpError } from '../error-response.ts';
import { readJson, requireJson } from '../json-body.ts';
import { needingRedis } from '../unavailable.ts';

export interface CallbackEndpoints {
  inTrouble(tenant: string): Promise<EndpointTrouble[]>;
  /** @returns false when there was nothing to lift. */
  enable(tenant: string, endpoint: string): Promise<boolean>;
}

/**
 * `GET /`: the caller's callback endpoints whose callbacks are slow, fail, or are not made any more.
 * `POST /enable` with `{"endpoint": "https://…"}` forgets the trouble of one (204): the next callback
 * to it is made at once.
 */
export function callbackRoutes(parts: {
  callbackEndpoints: CallbackEndpoints;
  tenantOf: (request: Request) => string;
  maxBodyBytes: number;
}): Router {
  const { callbackEndpoints, tenantOf } = parts;
  const router = Router();

  router.get('/', async (request, response) => {
    const found = await needingRedis(callbackEndpoints.inTrouble(tenantOf(request)));
    response.setHeader('cache-control', 'no-store');
    response.json({ endpoints: found.map(shown) });
  });

  /** Before the body is read: a stranger's body is not worth reading. */
  const admit: RequestHandler = (request, _response, next) => {
    tenantOf(request);
    requireJson(request);
    next();
  };
  router.post('/enable', admit, createBodyReader(parts.maxBodyBytes), async (request, response) => {
    const endpoint = endpointIn(readJson(request));
    if (!(await needingRedis(callbackEndpoints.enable(tenantOf(request), endpoint)))) {
      throw new HttpError(404, 'endpoint_not_found', 'That endpoint is in no trouble.');
    }
    response.status(204).end();
  });

  return router;
}

function shown({ endpoint, state, since, lastFailure, waiting }: EndpointTrouble) {
  const { code, at } = lastFailure;
  return {
    endpoint,
    state,
    since: new Date(since).toISOString(),
    lastFailure: { code, at: new Date(at).toISOString() },
    waiting,
  };
}

const Enable = z.object({ endpoint: z.url({ protocol: /^https?$/ }) });

/** A whole callback URL names its endpoint as well. */
function endpointIn(body: unknown): string {
  const parsed = Enable.safeParse(body);
  if (parsed.success) return new URL(parsed.data.endpoint).origin;
  throw new InvalidRequest('invalid_request', 'Which endpoint?', [
    { field: 'endpoint', message: 'must be one that GET /v1/callbacks lists' },
  ]);
}
