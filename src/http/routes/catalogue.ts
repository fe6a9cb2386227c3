import { type Request, Router } from 'express';
import { z } from 'zod';
import type { Logger } from '../../config/log.ts';
import { type PollProfileChanges, pollProfileFor } from '../../config/poll-profiles.ts';
import { modeOf } from '../../generation/generation.ts';
import type { Account, ProviderAdapter } from '../../providers/provider.ts';

/** A provider's account is asked for at most this often, however many people look. */
const ACCOUNT_FRESH_MS = 30_000;
/** The list does not wait longer for one provider; its answer is there for the next look. */
const ACCOUNT_PATIENCE_MS = 2_000;

/** `null`: the provider has nothing to ask for. */
type ShownAccount = Account | { unavailable: true } | null;
const UNAVAILABLE: ShownAccount = { unavailable: true };

/**
 * `GET /models`: what can be asked for, with each model's input as JSON Schema.
 * `GET /providers`: what each provider can do, its limits, until when its submissions are held, whose
 * circuits are open, and what is left to spend.
 */
export function catalogueRoutes(parts: {
  providers: ReadonlyMap<string, ProviderAdapter>;
  tenantOf: (request: Request) => string;
  publicUrl: string | undefined;
  /** The operator's changes to poll timing. */
  pollProfiles: PollProfileChanges;
  /** The models of a provider whose submissions wait, and until when (Unix ms) at least. */
  openCircuits: (provider: string) => Promise<Readonly<Record<string, number>>>;
  /** How long no submission of a provider starts, for its rate limit or a hold; not above 0: none. */
  heldForMs: (provider: ProviderAdapter) => Promise<number>;
  now: () => number;
  log: Logger;
}): Router {
  const { providers, tenantOf, publicUrl, pollProfiles, now, log } = parts;
  const router = Router();
  const models = [...providers.values()].flatMap((provider) =>
    describeModels(provider, pollProfiles),
  );
  const accounts = new Map<string, { at: number; account: Promise<ShownAccount> }>();

  router.get('/models', (request, response) => {
    tenantOf(request);
    response.json({ models });
  });

  router.get('/providers', async (request, response) => {
    tenantOf(request);
    const described = [...providers.values()].map(async (provider) => {
      const [submissionsHeldUntil, circuitsOpen, account] = await Promise.all([
        heldUntil(provider),
        circuitsOf(provider.name),
        inTime(accountOf(provider)),
      ]);
      const known = describeProvider(provider, publicUrl);
      return { ...known, submissionsHeldUntil, circuitsOpen, account };
    });
    response.json({ providers: await Promise.all(described) });
  });

  /** Null: nothing is held, or Redis cannot say. */
  async function heldUntil(provider: ProviderAdapter): Promise<string | null> {
    const heldForMs = await parts.heldForMs(provider).catch(() => 0);
    return heldForMs > 0 ? new Date(now() + heldForMs).toISOString() : null;
  }

  /** Model → until when, or null when the next submission is its probe. Null while Redis is away. */
  async function circuitsOf(provider: string): Promise<Record<string, string | null> | null> {
    const open = await parts.openCircuits(provider).catch(() => null);
    const times = Object.entries(open ?? {}).map(([model, untilMs]) => {
      return [model, untilMs > now() ? new Date(untilMs).toISOString() : null];
    });
    return open && Object.fromEntries(times);
  }

  function accountOf(provider: ProviderAdapter): Promise<ShownAccount> {
    const known = accounts.get(provider.name);
    if (known && now() - known.at < ACCOUNT_FRESH_MS) return known.account;
    const account = Promise.resolve()
      .then(() => provider.account?.() ?? null)
      .catch((err: unknown) => {
        log.warn({ provider: provider.name, err }, 'account not read');
        return UNAVAILABLE;
      });
    accounts.set(provider.name, { at: now(), account });
    return account;
  }

  return router;
}

async function inTime(account: Promise<ShownAccount>): Promise<ShownAccount> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<ShownAccount>((resolve) => {
    timer = setTimeout(resolve, ACCOUNT_PATIENCE_MS, UNAVAILABLE);
  });
  return Promise.race([account, tooLate]).finally(() => clearTimeout(timer));
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

function describeProvider(provider: ProviderAdapter, publicUrl: string | undefined) {
  const { name, limits, webhook, repeatSubmit, inputs } = provider;
  return {
    provider: name,
    mode: modeOf({ publicUrl, webhook }),
    webhook: webhook ? { scope: webhook.scope, trust: webhook.trust } : null,
    repeatSubmit: repeatSubmit.kind,
    inputs,
    canCancel: provider.cancel !== undefined,
    limits,
    models: Object.keys(provider.models),
  };
}
