import type { Core } from '../../core.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import { createQuotas } from '../../store/quota.ts';
import { createKnownQuota } from './known-quota.ts';
import { createLimitsInForce, type LimitsInForce } from './limits-in-force.ts';
import { createPaceOf } from './pace.ts';

/** What this process keeps to at each provider: one of each, shared by its stages and its watch. */
export function createProviderLimits(core: Core) {
  const { redis, keys, settings, stated, now } = core;
  const quotas = createQuotas({ redis, keys });
  const limitsOf = onePerProvider(({ name, limits }): LimitsInForce => {
    const credits = settings.providers[name]?.credits ?? {};
    const heard = () => stated.get(name);
    const known = createKnownQuota({ provider: name, quotas, stated: heard, now });
    return createLimitsInForce({ limits, credits, known, now });
  });
  const paceOf = onePerProvider(({ name, limits }) =>
    createPaceOf({ ...core, provider: name, limits: limitsOf({ name, limits }) }),
  );
  return { quotas, limitsOf, paceOf };
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
