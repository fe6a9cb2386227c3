import { attemptOf, type Generation, modeOf } from '../../generation/generation.ts';
import { attemptName, createdAtOf } from '../../generation/ids.ts';
import { derivedKeys, type OwnSecrets } from '../../outbound/derived-keys.ts';
import { deliveryToken } from '../../outbound/signature.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';

/** Where a provider is to call us about a generation; undefined when it is polled instead. */
export type WebhookUrl = (generation: Generation) => string | undefined;

/**
 * The same at every send of one attempt, also when a redrive goes on with an older generation's:
 * FitInView does not say what it does with a known key and another body, and may refuse it. Such a
 * delivery finds its generation ended; the redrive learns the outcome by polls.
 * Which secret makes its token follows from when the attempt's generation was asked for, so that each
 * process makes the same, whichever secrets it knows besides.
 */
export function createWebhookUrl(options: {
  publicUrl: string | undefined;
  secrets: OwnSecrets;
  providers: ReadonlyMap<string, ProviderAdapter>;
}): WebhookUrl {
  const { publicUrl, providers } = options;
  const keys = derivedKeys('delivery', options.secrets);
  return (generation) => {
    const { provider } = generation;
    const { id, attempt, mode } = attemptOf(generation);
    const webhook = providers.get(provider)?.webhook;
    // As it was asked for, and as this process is set up: either may have changed since.
    if (mode === 'polling' || modeOf({ publicUrl, webhook }) === 'polling') return undefined;
    const key = keys.makerAt(createdAtOf(id));
    if (!publicUrl || !key || webhook?.scope !== 'request') return undefined;
    const name = attemptName(id, attempt);
    const path = `/webhooks/${provider}/${name}/${deliveryToken(key, provider, name)}`;
    return publicUrl.replace(/\/$/, '') + path;
  };
}
