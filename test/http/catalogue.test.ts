import express from 'express';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../src/config/log.ts';
import { POLL_PROFILES } from '../../src/config/poll-profiles.ts';
import { catalogueRoutes } from '../../src/http/routes/catalogue.ts';
import type { Account, ProviderAdapter } from '../../src/providers/provider.ts';
import { serveApp } from './serve-app.ts';
import { bearer, setup } from './setup.ts';

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
    catalogueRoutes({
      providers: new Map(adapters.map((one) => [one.name, one])),
      tenantOf: () => 'shop',
      publicUrl: undefined,
      pollProfiles: {},
      openCircuits: async () => ({}),
      heldForMs: async () => -2,
      now: () => clock.now,
      log: createLogger('silent', []),
    }),
  );
  const port = await serveApp(app);
  const accounts = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/providers`);
    expect(response.status).toBe(200);
    const { providers } = Providers.parse(await response.json());
    return Object.fromEntries(providers.map(({ provider, account }) => [provider, account]));
  };
  return { clock, accounts };
}

const Providers = z.object({
  providers: z.array(z.looseObject({ provider: z.string(), account: z.unknown() })),
});
const Models = z.object({
  models: z.array(z.looseObject({ provider: z.string(), model: z.string(), poll: z.unknown() })),
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

test('a model’s poll timing is the one in force, the operator’s changes included', async () => {
  const { call } = await setup({
    POLL_PROFILES: '{"fashn":{"everyMs":1234},"fashn/tryon-v1.6":{"webhookGraceMs":5678}}',
  });
  const response = await call('/v1/models', { headers: bearer('shop') });
  const { models } = Models.parse(await response.json());
  const poll = (name: string) => models.find(({ model }) => model === name)?.poll;
  expect(poll('tryon-v1.6')).toMatchObject({ everyMs: 1_234, webhookGraceMs: 5_678 });
  expect(poll('tryon')).toMatchObject({ everyMs: POLL_PROFILES.exponential.everyMs });
});

test('models and providers are for tenants only', async () => {
  const { call } = await setup();
  for (const path of ['/v1/models', '/v1/providers']) expect((await call(path)).status).toBe(401);
});
