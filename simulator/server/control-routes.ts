import { json, Router } from 'express';
import { z } from 'zod';
import type { Ledger } from '../engine/ledger.ts';
import type { OutageAnswer } from '../engine/provider-state.ts';
import type { ScenarioScope } from '../scenarios/active-scenarios.ts';
import {
  isScenarioName,
  type ScenarioName,
  scenarios,
  unknownScenarioMessage,
} from '../scenarios/scenarios.ts';
import { unknownProviderMessage, webhookUrlProblem } from './options.ts';

/** What can be done to a running simulator from outside its own code. */
export interface SimulatorControls {
  ledger(): Ledger;
  clearLedger(): void;
  setScenario(name: ScenarioName, scope?: ScenarioScope): void;
  /** The account's webhook, for later messages of submissions that named none; null for none. */
  setWebhook(provider: string, url: string | null): void;
  /** From now on the provider answers every call so, and accepts nothing. */
  setOutage(provider: string, answer: OutageAnswer, seconds: number): void;
  reset(): void;
  providerNames: readonly string[];
}

const scenarioRequestSchema = z.strictObject({
  name: z.string(),
  provider: z.string().optional(),
  count: z.number().int().min(1).optional(),
  on: z.enum(['submit', 'upload']).optional(),
});

const webhookRequestSchema = z.strictObject({ provider: z.string(), url: z.string().nullable() });

const outageRequestSchema = z.strictObject({
  provider: z.string(),
  answer: z.enum(['server-error', 'html-page']),
  seconds: z.number().min(0).max(3_600),
});

/** The simulator's own routes, under `/_simulator`, which no provider has. */
export function createControlRouter(controls: SimulatorControls): Router {
  const router = Router();
  router.get('/scenarios', (_request, response) => {
    const list = Object.entries(scenarios);
    response.json(Object.fromEntries(list.map(([name, { description }]) => [name, description])));
  });
  router.post('/scenario', json(), (request, response) => {
    const parsed = scenarioRequestSchema.safeParse(request.body);
    const problem = parsed.success
      ? findProblem(parsed.data, controls.providerNames)
      : z.prettifyError(parsed.error);
    if (!parsed.success || problem !== undefined || !isScenarioName(parsed.data.name)) {
      response.status(400).json({ error: problem });
      return;
    }
    const { name, provider, count, on } = parsed.data;
    controls.setScenario(name, {
      ...(provider !== undefined && { provider }),
      ...(count !== undefined && { count }),
      ...(on !== undefined && { on }),
    });
    response.json({ name, provider: provider ?? null, count: count ?? null, on: on ?? 'submit' });
  });
  router.post('/webhook', json(), (request, response) => {
    const parsed = webhookRequestSchema.safeParse(request.body);
    if (!parsed.success) {
      response.status(400).json({ error: z.prettifyError(parsed.error) });
      return;
    }
    const { provider, url } = parsed.data;
    const problem =
      url === null ? findProviderProblem(provider, controls) : webhookUrlProblem({ provider, url });
    if (problem !== undefined) {
      response.status(400).json({ error: problem });
      return;
    }
    controls.setWebhook(provider, url);
    response.json({ provider });
  });
  router.post('/outage', json(), (request, response) => {
    const parsed = outageRequestSchema.safeParse(request.body);
    const problem = parsed.success
      ? findProviderProblem(parsed.data.provider, controls)
      : z.prettifyError(parsed.error);
    if (!parsed.success || problem !== undefined) {
      response.status(400).json({ error: problem });
      return;
    }
    const { provider, answer, seconds } = parsed.data;
    controls.setOutage(provider, answer, seconds);
    response.json({ provider });
  });
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

function findProviderProblem(provider: string, controls: SimulatorControls): string | undefined {
  return controls.providerNames.includes(provider) ? undefined : unknownProviderMessage(provider);
}

function findProblem(
  wanted: { name: string; provider?: string | undefined },
  providerNames: readonly string[],
): string | undefined {
  if (!isScenarioName(wanted.name)) return unknownScenarioMessage(wanted.name);
  if (wanted.provider !== undefined && !providerNames.includes(wanted.provider)) {
    return unknownProviderMessage(wanted.provider);
  }
  return undefined;
}
