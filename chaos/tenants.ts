import { createRandom } from '../rig/random.ts';
import { GenerationRequest } from '../src/producers/check-request.ts';

/** Who asks: two shops, and one who asks for much at once and whose callbacks nobody takes. */
export const TENANTS = ['quiet-1', 'quiet-2', 'noisy'] as const;
export type Tenant = (typeof TENANTS)[number];

export const isNoisy = (tenant: Tenant): boolean => tenant === 'noisy';

export const apiKeyOf = (tenant: Tenant): string => `chaos-development-key-${tenant}`;

/** The noisy one's are a catalogue run, where there are lanes. */
export function laneOf(tenant: Tenant): { lane?: 'batch' } {
  return isNoisy(tenant) && 'lane' in GenerationRequest.shape ? { lane: 'batch' } : {};
}

/** One request in so many is the noisy tenant's. */
const NOISY_ONE_IN = 3;
const BURST = 100;
const BURST_MS = 2_000;

/** Who asks for each of the requests. */
export function planTenants(seed: number, generations: number): Tenant[] {
  const random = createRandom(seed, 'tenants');
  return Array.from({ length: generations }, () => {
    if (random.oneIn(NOISY_ONE_IN)) return 'noisy';
    return random.oneIn(2) ? 'quiet-1' : 'quiet-2';
  });
}

/** The same requests, the noisy tenant's in bursts: evenly over the time in which requests come. */
export function inBursts<Request extends { tenant: Tenant; atMs: number }>(
  requests: readonly Request[],
  loadMs: number,
): Request[] {
  const bursts = Math.ceil(requests.filter(({ tenant }) => isNoisy(tenant)).length / BURST);
  let noisy = 0;
  return requests.map((request) => {
    if (!isNoisy(request.tenant)) return request;
    const [burst, within] = [Math.floor(noisy / BURST), noisy % BURST];
    noisy += 1;
    const startMs = ((burst + 0.5) * loadMs) / bursts;
    return { ...request, atMs: startMs + (within * BURST_MS) / BURST };
  });
}
