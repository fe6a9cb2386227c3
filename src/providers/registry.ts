import { Defect } from '../generation/errors.ts';
import { assertDeclaration } from './adapter-declaration.ts';
import { createApixo } from './apixo/adapter.ts';
import { checkedAdapter } from './checked-adapter.ts';
import { createFal } from './fal/adapter.ts';
import { createFashn } from './fashn/adapter.ts';
import { createFitInView } from './fitinview/adapter.ts';
import { createFitRoom } from './fitroom/adapter.ts';
import { createImageIntelligence } from './image-intelligence/adapter.ts';
import { largeDataAsFiles } from './large-data.ts';
import type { ProviderAdapter } from './provider.ts';
import {
  InvalidProviderSettings,
  type ProviderFactory,
  type ProviderOptions,
  type ProviderSettings,
} from './provider-settings.ts';
import { createReplicate } from './replicate/adapter.ts';
import { createSegmind } from './segmind/adapter.ts';
import { createTryOnApi } from './tryon-api/adapter.ts';
import { createVtryon } from './vtryon/adapter.ts';
import { withoutSecrets } from './without-secrets.ts';

/** The providers that Catwalk speaks. A new one is a folder beside these and a line here. */
const BUILT_IN = {
  fitinview: createFitInView,
  fashn: createFashn,
  apixo: createApixo,
  vtryon: createVtryon,
  'image-intelligence': createImageIntelligence,
  fitroom: createFitRoom,
  segmind: createSegmind,
  'tryon-api': createTryOnApi,
  replicate: createReplicate,
  fal: createFal,
} satisfies Record<string, ProviderFactory>;

export type { ProviderFactory, ProviderSettings } from './provider-settings.ts';

/** What all adapters are handed besides their own settings. */
export type SharedParts = Pick<ProviderOptions, 'http' | 'images' | 'files' | 'submitTimeoutMs'>;

/** For a library user who adds providers: pass a copy with more entries to `createProviders`. */
export const PROVIDER_FACTORIES: ReadonlyMap<string, ProviderFactory> = new Map(
  Object.entries(BUILT_IN),
);

/**
 * An adapter for each provider that has settings, by name. A provider with signed webhooks but no
 * secret in its settings has no `webhook` support: it runs in polling mode. What an adapter tells
 * never repeats its provider's secrets, and what it answers is checked before anybody acts on it.
 * @throws InvalidProviderSettings with a line for each provider that cannot be built of its settings,
 *   or whose adapter declares what cannot be.
 *   Defect for settings of a provider that nobody knows how to build.
 */
export function createProviders(
  settings: Readonly<Partial<Record<string, ProviderSettings>>>,
  shared: SharedParts,
  factories: ReadonlyMap<string, ProviderFactory> = PROVIDER_FACTORIES,
): ReadonlyMap<string, ProviderAdapter> {
  const providers = new Map<string, ProviderAdapter>();
  const refused: InvalidProviderSettings[] = [];
  for (const [name, chosen] of Object.entries(settings)) {
    if (!chosen) continue;
    const create = factories.get(name);
    if (!create) throw new Defect(`There are settings for ${name}, but no such provider`);
    try {
      const adapter = create({ ...chosen, ...shared });
      assertDeclaration(name, adapter);
      providers.set(
        name,
        withoutSecrets(checkedAdapter(largeDataAsFiles(adapter, shared.files)), chosen),
      );
    } catch (error) {
      if (!(error instanceof InvalidProviderSettings)) throw error;
      refused.push(error);
    }
  }
  if (refused.length === 0) return providers;
  throw new InvalidProviderSettings(refused.map(({ message }) => message).join('\n'));
}
