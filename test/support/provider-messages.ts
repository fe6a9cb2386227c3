import { createHmac, randomUUID } from 'node:crypto';
import type { AcceptedEntry, ScenarioName } from '../../simulator/index.ts';
import { FITINVIEW_SECRET, type ProviderName } from './pipeline-settings.ts';

const MODELS: Readonly<Record<ProviderName, string>> = { fitinview: 'tryon', fashn: 'tryon-v1.6' };

export interface Asked {
  readonly scenario?: ScenarioName;
  readonly metadata?: Record<string, unknown>;
  readonly callbackUrl?: string;
}

/** A request whose simulated provider behaves as the scenario says. No two are alike. */
export function requestBody(simulatorUrl: string, provider: ProviderName, asked: Asked = {}) {
  const { scenario = 'ok', ...rest } = asked;
  const assets = `${simulatorUrl}/assets`;
  return {
    provider,
    model: MODELS[provider],
    input: {
      personImage: `${assets}/person.png?simulate=${scenario}&n=${randomUUID()}`,
      garmentImages: [`${assets}/garment-shirt.png`],
    },
    ...rest,
  };
}

/** A webhook's headers and body, as the provider would send them. */
export function signedDelivery(provider: ProviderName, message: Record<string, unknown>) {
  const body = JSON.stringify(message);
  const signature = createHmac('sha256', FITINVIEW_SECRET).update(body).digest('hex');
  const headers = {
    'content-type': 'application/json',
    ...(provider === 'fitinview' && { 'x-fitinview-signature': signature }),
  };
  return { headers, body };
}

type Addressee = Pick<AcceptedEntry, 'webhookUrl'>;

/** As `sendDelivery`, and answers the status. */
export async function deliver(
  provider: ProviderName,
  entry: Addressee,
  message: Record<string, unknown>,
): Promise<number> {
  return (await sendDelivery(provider, entry, message)).status;
}

/** Delivers to the URL that came with a submission, as the provider would. */
export async function sendDelivery(
  provider: ProviderName,
  entry: Addressee,
  message: Record<string, unknown>,
): Promise<Response> {
  const delivery = signedDelivery(provider, message);
  return fetch(entry.webhookUrl ?? '', { method: 'POST', ...delivery });
}
