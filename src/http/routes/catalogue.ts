import { type Request, Router } from 'express';
import { z } from 'zod';
import type { Logger } from '../../config/log.ts';
import { type PollProfileChanges, pollProfileFor } from '../../config/poll-profiles.ts';
import { modeOf } from '../../generation/generation.ts';
import {
  type Account,
  beliefIn,
  type ProviderAdapter,
  type WebhookSupport,
} from '../../providers/provider.ts';
import type { OpenCircuit } from '../../store/circuit.ts';
import { type KnownLimits, NOTHING_KNOWN } from '../known-limits.ts';

/** A provider's account is asked for at most this often, however many people look. */
const ACCOUNT_FRESH_MS = 30_000;
/** The list does not wait longer for one provider; its answer is there for the next look. */
const ACCOUNT_PATIENCE_MS = 2_000;

/** `null`: the provider has nothing to ask for. */
type ShownAccount = Account | { unavailable: true } | null;
const UNAVAILABLE: ShownAccount = { unavailable: true };

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
  readonly log: Logger;
}

/** What each provider's account showed last, and when it was asked (Unix ms). */
type Accounts = Map<string, { at: number; account: Promise<ShownAccount> }>;

/**
 * `GET /models`: what can be asked for, with each model's input as JSON Schema.
 * `GET /providers`: what each provider can do, its limits (documented, stated and found), until when
 * its submissions are held, whose circuits are open, and what is left to spend.
 */
export function catalogueRoutes(parts: CatalogueParts): Router {
  const { tenantOf, publicUrl, pollProfiles } = parts;
  const router = Router();
  const providers = [...parts.providers.values()];
  const models = providers.flatMap((provider) => describeModels(provider, pollProfiles));
  const accounts: Accounts = new Map();

  router.get('/models', (request, response) => {
    tenantOf(request);
    response.json({ models });
  });

  router.get('/providers', async (request, response) => {
    const tenant = tenantOf(request);
    const described = providers.map(async (provider) => {
      const [submissionsHeldUntil, circuitsOpen, account, quota] = await Promise.all([
        heldUntil(parts, provider),
        circuitsOf(parts, provider.name, tenant),
        inTime(accountOf(parts, accounts, provider)),
        parts.quotaOf(provider).catch(() => NOTHING_KNOWN),
      ]);
      const known = describeProvider(provider, publicUrl);
      const limits = { ...provider.limits, ...quota.limits };
      const { running, credit } = quota;
      return { ...known, limits, running, submissionsHeldUntil, circuitsOpen, credit, account };
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

function accountOf(
  { now, log }: CatalogueParts,
  accounts: Accounts,
  provider: ProviderAdapter,
): Promise<ShownAccount> {
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
