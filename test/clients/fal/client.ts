import { ApiError, createFalClient, fal } from '@fal-ai/client';
import { expect } from 'vitest';
import type { SimulatorOptions } from '../../../simulator/index.ts';
import { setup } from '../../simulator/setup.ts';
import { errorOf } from '../setup.ts';

type Config = NonNullable<Parameters<typeof createFalClient>[0]>;

export const MODEL = 'fal-ai/fashn/tryon/v1.6';

/** Where the simulator keeps each of fal's hosts, for a middleware that maps them one by one. */
const hosts: readonly [RegExp, string][] = [
  [/^https:\/\/queue\.fal\.run/, '/fal'],
  [/^https:\/\/fal\.run/, '/fal/run'],
  [/^https:\/\/rest\.fal\.ai/, '/fal/rest'],
];

/** The address of one of fal's own, at the simulator. */
export function atSimulator(simulatorUrl: string, address: string): string {
  for (const [host, place] of hosts) {
    if (host.test(address)) return address.replace(host, `${simulatorUrl}${place}`);
  }
  return address;
}

/** A simulator, and the official client pointed at it by one setting: `proxyUrl`. */
export async function setupFal(options: SimulatorOptions & { config?: Config } = {}) {
  const { config, ...rest } = options;
  const simulated = await setup(rest);
  const { simulator, person, garment } = simulated;
  const proxyUrl = { url: `${simulator.url}/fal/proxy`, when: 'always' } as const;
  const settings: Config = { credentials: 'id:secret', proxyUrl, ...config };
  const client = createFalClient(settings);
  const input = (query = '', more: Record<string, unknown> = {}) => ({
    model_image: person(query),
    garment_image: garment(),
    ...more,
  });
  return { ...simulated, client, settings, input };
}

/** The singleton that most of its users import, configured anew. */
export function configured(settings: Config): typeof fal {
  fal.config(settings);
  return fal;
}

/** What a refused call throws. */
export const refusalOf = (call: Promise<unknown>): Promise<ApiError<unknown>> =>
  errorOf(ApiError<unknown>, call);

/** How a call for what the simulator has not is refused. */
export const unsupported = (what: string) => ({
  status: 404,
  body: { detail: expect.stringContaining(`The simulator does not support ${what}`) },
});
