import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { ProviderFactory } from './provider-settings.ts';
import { PROVIDER_FACTORIES } from './registry.ts';

/** What a provider module exports by default. Its settings are `<NAME>_API_KEY` and so on. */
export interface ProviderModule {
  /** 1-40 of a-z, 0-9 and -. Also the queues' and the webhook path's name. */
  readonly name: string;
  readonly create: ProviderFactory;
}

const Exported = z.object({
  default: z.object({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
    create: z.custom<ProviderFactory>((value) => typeof value === 'function'),
  }),
});

/**
 * The built-in providers, and those of the modules named (`PROVIDER_MODULES`, comma-separated): paths from the
 * working directory, or packages. A module may replace a built-in provider of the same name.
 * @throws Error naming the module that cannot be loaded or does not export a provider.
 */
export async function loadFactories(
  modules: string | undefined,
): Promise<ReadonlyMap<string, ProviderFactory>> {
  const factories = new Map(PROVIDER_FACTORIES);
  for (const specifier of (modules ?? '').split(',').map((entry) => entry.trim())) {
    if (specifier === '') continue;
    const isPath = /^[./]/.test(specifier);
    const address = isPath ? pathToFileURL(resolve(specifier)).href : specifier;
    const exported = Exported.safeParse(await import(address).catch((cause: unknown) => cause));
    if (!exported.success) {
      throw new Error(`PROVIDER_MODULES: ${specifier} does not export a provider { name, create }`);
    }
    const { name, create } = exported.data.default;
    factories.set(name, create);
  }
  return factories;
}
