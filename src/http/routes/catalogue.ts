import { type Request, Router } from 'express';
import { z } from 'zod';
import type { Logger } from '../../config/log.ts';
import { POLL_PROFILES } from '../../config/poll-profiles.ts';
import type { Account, ProviderAdapter } from '../../providers/provider.ts';

/** A provider's account is asked for at most this often, however many people look. */
const ACCOUNT_FRESH_MS = 30_000;

/**
 * `GET /models`: what can be asked for, with each model's input as JSON Schema.
 * `GET /providers`: what each provider can do, its limits, and what is left to spend.
 */
export function catalogueRoutes(parts: {
  providers: ReadonlyMap<string, ProviderAdapter>;
  tenantOf: (request: Request) => string;
  publicUrl: string | undefined;
  now: () => number;
  log: Logger;
}): Router {
  const { providers, tenantOf, publicUrl, now, log } = parts;
  const router = Router();
  const models = [...providers.values()].flatMap(describeModels);
  const accounts = new Map<string, { at: number; account: Promise<Account | null> }>();

  router.get('/models', (request, response) => {
    tenantOf(request);
    response.json({ models });
  });

  router.get('/providers', async (request, response) => {
    tenantOf(request);
    const described = [...providers.values()].map(async (provider) => ({
      ...describeProvider(provider, publicUrl),
      account: await accountOf(provider),
    }));
    response.json({ providers: await Promise.all(described) });
  });

  function accountOf(provider: ProviderAdapter): Promise<Account | null> {
    const known = accounts.get(provider.name);
    if (known && now() - known.at < ACCOUNT_FRESH_MS) return known.account;
    const asked = provider.account?.() ?? Promise.resolve(null);
    const account = asked.catch((err: unknown) => {
      log.warn({ provider: provider.name, err }, 'account not read');
      return null;
    });
    accounts.set(provider.name, { at: now(), account });
    return account;
  }

  return router;
}

function describeModels(provider: ProviderAdapter) {
  return Object.entries(provider.models).map(([model, { type, about, input, ...published }]) => ({
    provider: provider.name,
    model,
    about,
    type,
    poll: { ...POLL_PROFILES[type], ...published.poll },
    price: published.price ?? null,
    resultLifetimeMs: published.resultLifetimeMs ?? null,
    input: z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' }),
  }));
}

function describeProvider(provider: ProviderAdapter, publicUrl: string | undefined) {
  const { name, limits, webhook, repeatSubmit, inputs } = provider;
  return {
    provider: name,
    mode: webhook && publicUrl ? 'hybrid' : 'polling',
    webhook: webhook ? { scope: webhook.scope, trust: webhook.trust } : null,
    repeatSubmit,
    inputs,
    canCancel: provider.cancel !== undefined,
    limits,
    models: Object.keys(provider.models),
  };
}
