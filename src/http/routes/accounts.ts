import { Router } from 'express';
import type { Logger } from '../../config/log.ts';
import type { Account, ProviderAdapter } from '../../providers/provider.ts';
import { type KnownLimits, NOTHING_KNOWN } from '../known-limits.ts';

/** Behind the board's login. */
export const ACCOUNTS_PATH = '/admin/providers';

/** A provider's account is asked for at most this often, however many people look. */
const ACCOUNT_FRESH_MS = 30_000;
/** The list does not wait longer for one provider; its answer is there for the next look. */
const ACCOUNT_PATIENCE_MS = 2_000;

/** `null`: the provider has nothing to ask for. */
type ShownAccount = Account | { unavailable: true } | null;
const UNAVAILABLE: ShownAccount = { unavailable: true };

interface AccountParts {
  readonly providers: ReadonlyMap<string, ProviderAdapter>;
  readonly quotaOf: (provider: ProviderAdapter) => Promise<KnownLimits>;
  readonly now: () => number;
  readonly log: Logger;
}

/** What each provider's account showed last, and when it was asked (Unix ms). */
type Accounts = Map<string, { at: number; account: Promise<ShownAccount> }>;

/**
 * `GET /`: for operators, what is left to spend at each provider: `account` as it is asked for now,
 * `credit` as the workers found it, by which submissions are held.
 */
export function accountRoutes(parts: AccountParts): Router {
  const accounts: Accounts = new Map();
  const router = Router();
  router.get('/', async (_request, response) => {
    const shown = [...parts.providers.values()].map(async (provider) => {
      const [account, { credit }] = await Promise.all([
        inTime(accountOf(parts, accounts, provider)),
        parts.quotaOf(provider).catch(() => NOTHING_KNOWN),
      ]);
      return { provider: provider.name, account, credit };
    });
    response.setHeader('cache-control', 'no-store');
    response.json({ providers: await Promise.all(shown) });
  });
  return router;
}

function accountOf(
  { now, log }: AccountParts,
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
