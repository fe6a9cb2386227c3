import { ApiError, createFalClient, fal } from '@fal-ai/client';
import type { SimulatorOptions } from '../../simulator/index.ts';
import { setup } from '../simulator/setup.ts';

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
export async function falWorld(options: SimulatorOptions & { config?: Config } = {}) {
  const { config, ...rest } = options;
  const world = await setup(rest);
  const { simulator, person, garment } = world;
  const proxyUrl = { url: `${simulator.url}/fal/proxy`, when: 'always' } as const;
  const settings: Config = { credentials: 'id:secret', proxyUrl, ...config };
  const client = createFalClient(settings);
  const input = (query = '', more: Record<string, unknown> = {}) => ({
    model_image: person(query),
    garment_image: garment(),
    ...more,
  });
  return { ...world, client, settings, input };
}

/** The singleton that most of its users import, configured anew. */
export function configured(settings: Config): typeof fal {
  fal.config(settings);
  return fal;
}

/** What a refused call throws. */
export async function refusalOf(call: Promise<unknown>): Promise<ApiError<unknown>> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error('not refused', { cause: error });
  return error;
}
