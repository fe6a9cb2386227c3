import type { ProviderAdapter } from '../providers/provider.ts';

/** When the next redriven generation of a provider may be due. */
export interface Pace {
  /** Unix ms; not before `now`. */
  next(provider: string, now: number): number;
  /** The one that is due at `dueAt` is really begun. */
  took(provider: string, dueAt: number): void;
}

/**
 * Spreads due times over half of each provider's polls, which every due generation takes one of: a
 * thousand that are due at once would hold up the polls of everything else.
 */
export function createPace(providers: ReadonlyMap<string, Pick<ProviderAdapter, 'limits'>>): Pace {
  const free = new Map<string, number>();
  return {
    next: (provider, now) => Math.max(now, Math.ceil(free.get(provider) ?? 0)),
    took(provider, dueAt) {
      const perSecond = (providers.get(provider)?.limits.pollsPerSecond ?? 1) / 2;
      free.set(provider, Math.max(free.get(provider) ?? 0, dueAt) + 1_000 / perSecond);
    },
  };
}
