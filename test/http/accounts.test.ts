import express from 'express';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../src/config/log.ts';
import { NOTHING_KNOWN } from '../../src/http/known-limits.ts';
import { accountRoutes } from '../../src/http/routes/accounts.ts';
import type { Account, ProviderAdapter } from '../../src/providers/provider.ts';
import { createQuotas } from '../../src/store/quota.ts';
import { always, loopbackServer } from '../support/loopback-server.ts';
import { serveApp } from './serve-app.ts';
import { basic, bearer, setup } from './setup.ts';

/** The contract's other side: an adapter of which only the account is asked. */
function adapter(name: string, account?: () => Promise<Account>): ProviderAdapter {
  return {
    name,
    models: { tryon: { type: 'image-fast', about: 'tries on', input: z.object({}) } },
    limits: { submits: { max: 1, perMs: 1_000 }, concurrency: 1, pollsPerSecond: 1 },
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    submit: () => Promise.reject(new Error('not asked here')),
    check: () => Promise.reject(new Error('not asked here')),
    ...(account && { account }),
  };
}

async function setupAccounts(adapters: readonly ProviderAdapter[]) {
  const clock = { now: 0 };
  const app = express().use(
    accountRoutes({
      providers: new Map(adapters.map((one) => [one.name, one])),
      quotaOf: async () => NOTHING_KNOWN,
      now: () => clock.now,
      log: createLogger('silent', []),
    }),
  );
  const port = await serveApp(app);
  const accounts = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(200);
    const { providers } = Providers.parse(await response.json());
    return Object.fromEntries(providers.map(({ provider, account }) => [provider, account]));
  };
  return { clock, accounts };
}

const Providers = z.object({
  providers: z.array(z.looseObject({ provider: z.string(), account: z.unknown() })),
});

test('a provider without an account has none, and one that cannot be read says so', async () => {
  const { accounts } = await setupAccounts([
    adapter('none'),
    adapter('rich', () => Promise.resolve({ credits: 7 })),
    adapter('rejecting', () => Promise.reject(new Error('away'))),
    adapter('throwing', () => {
      throw new Error('broken');
    }),
  ]);
  expect(await accounts()).toEqual({
    none: null,
    rich: { credits: 7 },
    rejecting: { unavailable: true },
    throwing: { unavailable: true },
  });
});

test('a slow account does not hold up the list, and is there when asked later', async () => {
  let answer: (account: Account) => void = () => undefined;
  const asked = vi.fn(() => new Promise<Account>((resolve) => (answer = resolve)));
  const { accounts } = await setupAccounts([adapter('slow', asked), adapter('none')]);
  expect(await accounts()).toEqual({ slow: { unavailable: true }, none: null });
  answer({ credits: 3 });
  expect(await accounts()).toEqual({ slow: { credits: 3 }, none: null });
  expect(asked).toHaveBeenCalledTimes(1);
});

test('an account is asked for again after 30 s', async () => {
  let credits = 5;
  const asked = () => Promise.resolve({ credits: credits-- });
  const { accounts, clock } = await setupAccounts([adapter('rich', asked)]);
  expect(await accounts()).toEqual({ rich: { credits: 5 } });
  clock.now = 29_999;
  expect(await accounts()).toEqual({ rich: { credits: 5 } });
  clock.now = 30_000;
  expect(await accounts()).toEqual({ rich: { credits: 4 } });
});

/** A web process whose FASHN has seven credits left. */
async function setupFashn(changes: Readonly<Record<string, string>> = {}) {
  const fashn = await loopbackServer(always(200, '{"credits":{"total":7}}'));
  onTestFinished(fashn.close);
  const world = await setup({ FASHN_BASE_URL: fashn.url, ...changes });
  const balance = { left: 8, at: 0, sent: 0 };
  await createQuotas(world).learn('fashn', { balance });
  return { ...world, fashn };
}

test('an operator sees what is left to spend, as it is now and as the workers found it', async () => {
  const { call } = await setupFashn();
  const response = await call('/admin/providers', { headers: basic() });
  const { providers } = Providers.parse(await response.json());
  expect(providers.find(({ provider }) => provider === 'fashn')).toEqual({
    provider: 'fashn',
    account: { credits: 7 },
    credit: { left: 8, askedAt: '1970-01-01T00:00:00.000Z', standing: 'low' },
  });
});

test('a tenant sees nothing of the account, and asks no provider for it', async () => {
  const { call, fashn } = await setupFashn();
  const { providers } = z
    .object({ providers: z.array(z.record(z.string(), z.unknown())) })
    .parse(await (await call('/v1/providers', { headers: bearer('shop') })).json());
  for (const shown of providers) {
    expect(Object.keys(shown)).not.toContain('account');
    expect(Object.keys(shown)).not.toContain('credit');
  }
  expect(fashn.received).toEqual([]);
});

test('the accounts are behind the board’s login, and not there without one', async () => {
  const { call } = await setup();
  const statusOf = async (headers: Readonly<Record<string, string>>) =>
    (await call('/admin/providers', { headers })).status;
  expect(await statusOf({})).toBe(401);
  expect(await statusOf(bearer('shop'))).toBe(401);
  expect(await statusOf(basic('operator', 'not-the-password'))).toBe(401);
  const boardless = await setup({ BOARD_PASSWORD: '' });
  expect((await boardless.call('/admin/providers', { headers: basic() })).status).toBe(404);
});
