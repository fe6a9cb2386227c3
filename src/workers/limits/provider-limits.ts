import type { Core } from '../../core.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import { createPlaces, type Places } from '../../store/places.ts';
import { createQuotas } from '../../store/quota.ts';
import { createKnownQuota } from './known-quota.ts';
import { createLimitsInForce, type LimitsInForce } from './limits-in-force.ts';

/** What this process keeps to at each provider: one of each, shared by its stages and its watch. */
export function createProviderLimits(core: Core) {
  const { redis, keys, store, settings, stated, now } = core;
  const quotas = createQuotas({ redis, keys });
  const limitsOf = onePerProvider(({ name, limits }): LimitsInForce => {
    const credits = settings.providers[name]?.credits ?? {};
    const heard = () => stated.get(name);
    const known = createKnownQuota({ provider: name, quotas, stated: heard, now });
    return createLimitsInForce({ limits, credits, known, now });
  });
  const placesOf = onePerProvider(({ name: provider, limits }): Places | undefined => {
    if (limits.running === undefined) return undefined;
    const limit = () => limitsOf({ name: provider, limits }).running() ?? 1;
    return createPlaces({ redis, keys, store, provider, limit, now });
  });
  return { quotas, limitsOf, placesOf };
}

type Limited = Pick<ProviderAdapter, 'name' | 'limits'>;

function onePerProvider<Made>(make: (provider: Limited) => Made): (provider: Limited) => Made {
  const made = new Map<string, Made>();
  return (provider) => {
    const known = made.get(provider.name) ?? make(provider);
    made.set(provider.name, known);
    return known;
  };
}
