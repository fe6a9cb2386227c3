import { createRandom } from '../../rig/random.ts';
import type { Tenant } from '../tenants/tenant-settings.ts';
import type { Arrival } from './ideal.ts';

/** What the first tenant asks for of everything, in bursts. */
const FLOOD = 0.6;
const BURST = 50;
/** Enough that the smaller ones too are partly above their share. */
const OVERLOAD = 2.5;

/** `t01`, `t02` and so on; the weights 1, 2 and 3 in turn where they differ. */
export function makeTenants(count: number, isWeighted: boolean): Tenant[] {
  return Array.from({ length: count }, (_, n) => ({
    name: `t${String(n + 1).padStart(2, '0')}`,
    weight: isWeighted ? (n % 3) + 1 : 1,
  }));
}

/**
 * Two and a half times what can be served: the first tenant asks for 60 % of it in bursts, the n-th
 * of the others for n times as much as the first of them, whenever it likes. In the order of time.
 */
export function planLoad(
  tenants: readonly Tenant[],
  options: { readonly perSecond: number; readonly seconds: number; readonly seed: number },
): Arrival[] {
  const { perSecond, seconds } = options;
  const random = createRandom(options.seed, 'load', tenants.length);
  const all = perSecond * seconds * OVERLOAD;
  const others = tenants.length - 1;
  const parts = (others * (others + 1)) / 2;
  const spanMs = seconds * 1000;
  return tenants
    .flatMap(({ name }, n) => {
      const count = Math.round(n === 0 ? all * FLOOD : (all * (1 - FLOOD) * n) / parts);
      const bursts = Math.ceil(count / BURST);
      return Array.from({ length: count }, (_, k) => ({
        tenant: name,
        atMs: n === 0 ? (Math.floor(k / BURST) * spanMs) / bursts : random.between(0, spanMs),
      }));
    })
    .sort((a, b) => a.atMs - b.atMs);
}
