import Replicate from 'replicate';
import { expect } from 'vitest';
import type { SimulatorOptions } from '../../../simulator/index.ts';
import { setup } from '../../simulator/setup.ts';

type ClientOptions = NonNullable<ConstructorParameters<typeof Replicate>[0]>;
type Switches = Record<string, string>;

/** The hosts of Replicate's files, and where the simulator keeps what they serve. */
const fileHosts: Record<string, string> = {
  'https://replicate.delivery': '',
  'https://stream.replicate.com': '/replicate/stream',
};

/** A simulator, and the official client pointed at it as its README says: by `baseUrl`. */
export async function setupReplicate(
  options: SimulatorOptions & { switches?: Switches; client?: ClientOptions } = {},
) {
  const { switches, client: more, ...rest } = options;
  const simulated = await setup({
    ...(switches && { providers: { replicate: { switches } } }),
    ...rest,
  });
  const { simulator, person, garment } = simulated;
  const client = new Replicate({
    auth: 'r8_tests',
    baseUrl: `${simulator.url}/replicate/v1`,
    ...more,
  });
  const input = (query = '', others: Record<string, unknown> = {}) => ({
    prompt: 'dress her',
    image_input: [person(query), garment()],
    ...others,
  });
  /** A prediction that is left to run. */
  const create = (query = '') => client.predictions.create({ model: MODEL, input: input(query) });
  return { ...simulated, client, input, create };
}

export const MODEL = 'google/nano-banana';
export const VERSION = '0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985';
export const COMMUNITY = `cuuupid/idm-vton:${VERSION}` as const;

/** A fetch for links as they are in production: file hosts lead to the simulator. */
export function fetchFrom(simulatorUrl: string): NonNullable<ClientOptions['fetch']> {
  return (address, init) => {
    const url = String(address);
    const host = Object.keys(fileHosts).find((known) => url.startsWith(known));
    if (host === undefined) return fetch(url, init);
    return fetch(`${simulatorUrl}${fileHosts[host]}${url.slice(host.length)}`, init);
  };
}

/** What a refused call throws: the client's `ApiError`, its status and what the body says. */
export async function refusalOf(call: Promise<unknown>) {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error) || !('response' in error))
    throw new Error('not refused', { cause: error });
  const { response } = error;
  if (!(response instanceof Response)) throw new Error('no response', { cause: error });
  return { name: error.name, status: response.status, message: error.message };
}

/** How a call for what the simulator has not is refused. */
export const gone = (what: string) => ({
  status: 404,
  message: expect.stringContaining(`The simulator does not support ${what}.`),
});
