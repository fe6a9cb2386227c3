import { Defect } from '../generation/errors.ts';
import { createFashn } from './fashn/adapter.ts';
import { createFitInView } from './fitinview/adapter.ts';
import type { HttpClient } from './http-client.ts';
import type { ProviderAdapter } from './provider.ts';
import type { ProviderFactory, ProviderSettings } from './provider-settings.ts';

/** The providers that Catwalk speaks. A new one is a folder beside these and a line here. */
const BUILT_IN = { fitinview: createFitInView, fashn: createFashn } satisfies Record<
  string,
  ProviderFactory
>;

export type { ProviderFactory, ProviderSettings } from './provider-settings.ts';

export type ProviderName = keyof typeof BUILT_IN;

export const PROVIDER_NAMES: readonly ProviderName[] = ['fitinview', 'fashn'];

/** For a library user who adds providers: pass a copy with more entries to `createProviders`. */
export const PROVIDER_FACTORIES: ReadonlyMap<string, ProviderFactory> = new Map(
  Object.entries(BUILT_IN),
);

/**
 * An adapter for each provider that has settings, by name. A provider with signed webhooks but no
 * secret in its settings has no `webhook` support: it runs in polling mode.
 * @throws Defect for settings of a provider that nobody knows how to build.
 */
export function createProviders(
  settings: Readonly<Partial<Record<string, ProviderSettings>>>,
  http: HttpClient,
  factories: ReadonlyMap<string, ProviderFactory> = PROVIDER_FACTORIES,
): ReadonlyMap<string, ProviderAdapter> {
  const providers = new Map<string, ProviderAdapter>();
  for (const [name, chosen] of Object.entries(settings)) {
    if (!chosen) continue;
    const create = factories.get(name);
    if (!create) throw new Defect(`There are settings for ${name}, but no such provider`);
    providers.set(name, create({ ...chosen, http }));
  }
  return providers;
}
