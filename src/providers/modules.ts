import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { NAME } from '../generation/names.ts';
import { loadAddedModels } from './added-models.ts';
import { InvalidProviderSettings, type ProviderFactory } from './provider-settings.ts';
import { PROVIDER_FACTORIES } from './registry.ts';

/** What a provider module exports by default. Its settings are `<NAME>_API_KEY` and so on. */
export interface ProviderModule {
  /** 1-40 of a-z, 0-9 and -. Also the queues' and the webhook path's name. */
  readonly name: string;
  readonly create: ProviderFactory;
}

/** The same as a schema: for modules that are loaded, and for those that are handed over in code. */
export const ProviderModule = z.object({
  name: z.string().regex(NAME.pattern, `takes ${NAME.words}`),
  create: z.custom<ProviderFactory>((value) => typeof value === 'function', 'must be a function'),
});

const Exported = z.object({ default: ProviderModule });

/**
 * The built-in providers, and those of the modules named (`PROVIDER_MODULES`, comma-separated): paths from the
 * working directory, or packages. A module may replace a built-in provider of the same name.
 * @param modelsFile a file that adds models to providers (`MODELS_FILE`).
 * @throws InvalidProviderSettings naming the module that cannot be loaded, and why, or which part of
 *   its export is wrong; and every field of the file that is.
 */
export async function loadFactories(
  modules: string | undefined,
  modelsFile?: string | undefined,
): Promise<ReadonlyMap<string, ProviderFactory>> {
  const factories = new Map(PROVIDER_FACTORIES);
  await loadModules(modules, factories);
  for (const [name, models] of await loadAddedModels(modelsFile)) {
    const create = factories.get(name);
    if (create) factories.set(name, (options) => create({ ...options, models }));
  }
  return factories;
}

async function loadModules(
  modules: string | undefined,
  factories: Map<string, ProviderFactory>,
): Promise<void> {
  for (const specifier of (modules ?? '').split(',').map((entry) => entry.trim())) {
    if (specifier === '') continue;
    const isPath = /^[./]/.test(specifier);
    const address = isPath ? pathToFileURL(resolve(specifier)).href : specifier;
    const module: unknown = await import(address).catch((cause: unknown) => {
      const why = `PROVIDER_MODULES: ${specifier} cannot be loaded: ${firstLineOf(cause)}`;
      throw new InvalidProviderSettings(why, { cause });
    });
    const exported = Exported.safeParse(module);
    if (!exported.success) {
      const [problem] = exported.error.issues;
      throw new InvalidProviderSettings(
        `PROVIDER_MODULES: ${specifier} does not export a provider { name, create }: ` +
          `${problem?.path.join('.')}: ${problem?.message}`,
      );
    }
    const { name, create } = exported.data.default;
    factories.set(name, create);
  }
}

function firstLineOf(cause: unknown): string {
  const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
  return line;
}
