import { afterAll, expect, test } from 'vitest';
import { PROVIDER_NAMES } from '../../src/config/env.ts';
import { explain, REASONS } from '../../src/providers/reasons.ts';
import {
  createProviders,
  PROVIDER_FACTORIES,
  type ProviderFactory,
} from '../../src/providers/registry.ts';
import { sharedParts } from './shared-parts.ts';

const shared = await sharedParts();
afterAll(() => shared.close());

const settings = { apiKey: 'key', webhookSecrets: ['whsec_x'] };
/** Also what only some providers insist on. */
const whole = { ...settings, apiKey: 'id:secret', baseUrl: 'https://api.example.com' };

test('the providers that settings name are the built-in ones, each built under its own name', () => {
  expect([...PROVIDER_FACTORIES.keys()]).toEqual(PROVIDER_NAMES);
  for (const name of PROVIDER_NAMES) {
    expect(createProviders({ [name]: whole }, shared).get(name)?.name).toBe(name);
  }
});

test('only providers with settings are built', () => {
  expect([...createProviders({ fashn: settings, fitinview: undefined }, shared).keys()]).toEqual([
    'fashn',
  ]);
  expect(createProviders({}, shared).size).toBe(0);
});

test('settings for an unknown provider are a defect, not silence', () => {
  expect(() => createProviders({ fashion: settings }, shared)).toThrow(/fashion/);
  expect(() => createProviders({ constructor: settings }, shared)).toThrow(/constructor/);
});

test('limits are the documented ones, each replaceable alone', () => {
  const limits = { concurrency: 3, submitsPerMinute: 5 };
  const usual = createProviders({ fashn: settings }, shared).get('fashn');
  const own = createProviders({ fashn: { ...settings, limits } }, shared).get('fashn');
  expect(usual?.limits).toEqual({
    submits: { max: 50, perMs: 60_000 },
    concurrency: 6,
    pollsPerSecond: 4,
    running: 6,
  });
  expect(own?.limits).toEqual({
    submits: { max: 5, perMs: 60_000 },
    concurrency: 3,
    pollsPerSecond: 4,
    running: 6,
  });
});

test('a user adds a provider with one factory', () => {
  const create: ProviderFactory = ({ apiKey }) => ({
    name: 'mine',
    models: {},
    limits: { submits: { max: 1, perMs: 1_000 }, concurrency: 1, pollsPerSecond: 1 },
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    submit: async () => ({ task: { id: apiKey } }),
    check: async () => ({ kind: 'missing' }),
  });
  const factories = new Map([...PROVIDER_FACTORIES, ['mine', create] as const]);
  const providers = createProviders({ mine: settings, fashn: settings }, shared, factories);
  expect([...providers.keys()]).toEqual(['mine', 'fashn']);
});

test('every reason is a stable word with a sentence, and quotes are short and clean', () => {
  for (const code of Object.keys(REASONS)) expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
  const { message } = explain(
    'provider_error',
    `data:image/png;base64,${'A'.repeat(9_999)} ${'b '.repeat(900)}`,
  );
  expect(message.length).toBeLessThan(300);
  expect(message).not.toContain('AAAA');
});
