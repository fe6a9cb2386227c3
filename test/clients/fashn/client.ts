import Fashn, { type ClientOptions } from 'fashn';
import type { SimulatorOptions } from '../../../simulator/index.ts';
import { setup } from '../../simulator/setup.ts';

/** For calls that poll: as often as the simulator changes. */
export const SOON = { pollInterval: 5 };

/** A simulator and FASHN's own client for it, which repeats nothing unless told. */
export async function setupFashn(options: SimulatorOptions = {}, client: ClientOptions = {}) {
  const simulated = await setup(options);
  const baseURL = `${simulated.simulator.url}/fashn`;
  const fashn = new Fashn({ baseURL, apiKey: 'fa-tests', maxRetries: 0, ...client });
  /** The usual try-on, with other inputs where told. */
  const tryOn = (inputs: Partial<Fashn.PredictionRunParams.TryOnRequest.Inputs> = {}) => ({
    model_name: 'tryon-v1.6' as const,
    inputs: { model_image: simulated.person(), garment_image: simulated.garment(), ...inputs },
  });
  return { ...simulated, baseURL, client: fashn, tryOn };
}
