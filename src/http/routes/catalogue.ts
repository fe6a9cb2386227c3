import { type Request, Router } from 'express';
import { z } from 'zod';
import { type PollProfileChanges, pollProfileFor } from '../../config/poll-profiles.ts';
import { modeOf } from '../../generation/generation.ts';
import { beliefIn, type ProviderAdapter, type WebhookSupport } from '../../providers/provider.ts';
import type { OpenCircuit } from '../../store/circuit.ts';
import { type KnownLimits, NOTHING_KNOWN } from '../known-limits.ts';

interface ShownCircuit {
  readonly until: string | null;
  readonly reason: string;
}

interface CatalogueParts {
  readonly providers: ReadonlyMap<string, ProviderAdapter>;
  readonly tenantOf: (request: Request) => string;
  readonly publicUrl: string | undefined;
  /** The operator's changes to poll timing. */
  readonly pollProfiles: PollProfileChanges;
  /** The models of a provider whose submissions wait. */
  readonly openCircuits: (provider: string) => Promise<Readonly<Record<string, OpenCircuit>>>;
  /** How long no submission of a provider starts, for its rate limit or a hold; not above 0: none. */
  readonly heldForMs: (provider: ProviderAdapter) => Promise<number>;
  /** What the fleet learned of a provider's limits, and how many of its tasks run. */
  readonly quotaOf: (provider: ProviderAdapter) => Promise<KnownLimits>;
  readonly now: () => number;
}

/**
 * `GET /models`: what can be asked for, with each model's input as JSON Schema.
 * `GET /providers`: what each provider can do, its limits (documented, stated and found), until when
 * its submissions are held, and whose circuits are open. The account is the operator's: accounts.ts.
 */
export function catalogueRoutes(parts: CatalogueParts): Router {
  const { tenantOf, publicUrl, pollProfiles } = parts;
  const router = Router();
  const providers = [...parts.providers.values()];
  const models = providers.flatMap((provider) => describeModels(provider, pollProfiles));

  router.get('/models', (request, response) => {
    tenantOf(request);
    response.json({ models });
  });

  router.get('/providers', async (request, response) => {
    const tenant = tenantOf(request);
    const described = providers.map(async (provider) => {
      const [submissionsHeldUntil, circuitsOpen, quota] = await Promise.all([
        heldUntil(parts, provider),
        circuitsOf(parts, provider.name, tenant),
        parts.quotaOf(provider).catch(() => NOTHING_KNOWN),
      ]);
      const known = describeProvider(provider, publicUrl);
      const limits = { ...provider.limits, ...quota.limits };
      const { running } = quota;
      return { ...known, limits, running, submissionsHeldUntil, circuitsOpen };
    });
    response.json({ providers: await Promise.all(described) });
  });

  return router;
}

/** Null: nothing is held, or Redis cannot say. */
async function heldUntil(parts: CatalogueParts, provider: ProviderAdapter): Promise<string | null> {
  const heldForMs = await parts.heldForMs(provider).catch(() => 0);
  return heldForMs > 0 ? new Date(parts.now() + heldForMs).toISOString() : null;
}

/**
 * Model → why this tenant's submissions wait, and until when: null when the next one is the probe.
 * Null while Redis is away.
 */
async function circuitsOf(
  { openCircuits, now }: CatalogueParts,
  provider: string,
  tenant: string,
): Promise<Record<string, ShownCircuit> | null> {
  const open = await openCircuits(provider).catch(() => null);
  if (!open) return null;
  const own = Object.entries(open).filter(([, one]) => (one.tenant ?? tenant) === tenant);
  const shown = own.map(([model, { openUntil, met }]) => {
    const until = openUntil > now() ? new Date(openUntil).toISOString() : null;
    return [model, { until, reason: met === 'failure' ? 'unavailable' : met }];
  });
  return Object.fromEntries(shown);
}

function describeModels(provider: ProviderAdapter, changes: PollProfileChanges) {
  return Object.entries(provider.models).map(([model, { type, about, input, ...published }]) => ({
    provider: provider.name,
    model,
    about,
    type,
    poll: pollProfileFor(
      type,
      { provider: provider.name, name: model, recommended: published.poll },
      changes,
    ),
    price: published.price ?? null,
    resultLifetimeMs: published.resultLifetimeMs ?? null,
    input: z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' }),
  }));
}

function describeWebhook(webhook: WebhookSupport) {
  const { scope, trust } = webhook;
  return { scope, trust, believed: beliefIn(webhook) };
}

function describeProvider(provider: ProviderAdapter, publicUrl: string | undefined) {
  const { name, webhook, repeatSubmit, inputs } = provider;
  return {
    provider: name,
    mode: modeOf({ publicUrl, webhook }),
    webhook: webhook ? describeWebhook(webhook) : null,
    repeatSubmit: repeatSubmit.kind,
    inputs,
    canCancel: provider.cancel !== undefined,
    models: Object.keys(provider.models),
  };
}
