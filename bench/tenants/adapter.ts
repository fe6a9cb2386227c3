import type { ProviderModule } from '../../src/provider-kit.ts';
import { createFashn } from '../../src/providers/fashn/adapter.ts';
import type { ProviderLimits } from '../../src/providers/provider.ts';

/** FASHN under another name, with limits that settings cannot say: so many in less than a minute. */
export default {
  name: 'bench',
  create: (options) => ({
    ...createFashn(options),
    name: 'bench',
    // Written by the benchmark that started this process.
    limits: JSON.parse(process.env['BENCH_LIMITS'] ?? '') as ProviderLimits,
  }),
} satisfies ProviderModule;
