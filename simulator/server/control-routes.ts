import { json, type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { isScenarioName, SCENARIOS, unknownScenarioMessage } from '../scenarios/scenarios.ts';
import type { SimulatorControls } from './controls.ts';

const ScenarioRequest = z.strictObject({
  name: z.string(),
  provider: z.string().optional(),
  count: z.number().int().min(1).optional(),
  on: z.enum(['submit', 'upload']).optional(),
});

const WebhookRequest = z.strictObject({ provider: z.string(), url: z.string().nullable() });

const CreditsRequest = z.strictObject({ provider: z.string(), credits: z.number().min(0) });

const OutageRequest = z.strictObject({
  provider: z.string(),
  answer: z.enum(['server-error', 'html-page', 'unknown-tasks']),
  seconds: z.number().min(0).max(3_600),
});

/** A route that does something with a body of this shape; a body or a name that is wrong is 400. */
function command<Body>(schema: z.ZodType<Body>, run: (body: Body) => unknown): RequestHandler {
  return (request, response) => {
    const parsed = schema.safeParse(request.body);
    if (!parsed.success) {
      response.status(400).json({ error: z.prettifyError(parsed.error) });
      return;
    }
    try {
      response.json(run(parsed.data));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      response.status(400).json({ error: error.message });
    }
  };
}

/** The simulator's own routes, under `/_simulator`, which no provider has. */
export function createControlRouter(controls: SimulatorControls): Router {
  const router = Router();
  router.use(json());
  router.get('/scenarios', (_request, response) => {
    const list = Object.entries(SCENARIOS);
    response.json(Object.fromEntries(list.map(([name, { description }]) => [name, description])));
  });
  router.post(
    '/scenario',
    command(ScenarioRequest, ({ name, provider, count, on }) => {
      if (!isScenarioName(name)) throw new RangeError(unknownScenarioMessage(name));
      controls.setScenario(name, {
        ...(provider !== undefined && { provider }),
        ...(count !== undefined && { count }),
        ...(on !== undefined && { on }),
      });
      return { name, provider: provider ?? null, count: count ?? null, on: on ?? 'submit' };
    }),
  );
  router.post(
    '/webhook',
    command(WebhookRequest, ({ provider, url }) => {
      controls.setWebhook(provider, url);
      return { provider };
    }),
  );
  router.post(
    '/credits',
    command(CreditsRequest, ({ provider, credits }) => {
      controls.setCredits(provider, credits);
      return { provider, credits };
    }),
  );
  router.post(
    '/outage',
    command(OutageRequest, ({ provider, answer, seconds }) => {
      controls.setOutage(provider, answer, seconds);
      return { provider };
    }),
  );
  router.get('/ledger', (_request, response) => {
    response.json(controls.ledger());
  });
  router.delete('/ledger', (_request, response) => {
    controls.clearLedger();
    response.status(204).end();
  });
  router.post('/reset', (_request, response) => {
    controls.reset();
    response.status(204).end();
  });
  return router;
}
