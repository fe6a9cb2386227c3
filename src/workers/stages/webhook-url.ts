import { attemptOf, type Generation, modeOf } from '../../generation/generation.ts';
import { attemptName } from '../../generation/ids.ts';
import { deliveryToken } from '../../outbound/signature.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';

/** Where a provider is to call us about a generation; undefined when it is polled instead. */
export type WebhookUrl = (generation: Generation) => string | undefined;

/**
 * The same at every send of one attempt, also when a redrive goes on with an older generation's:
 * FitInView does not say what it does with a known key and another body, and may refuse it. Such a
 * delivery finds its generation ended; the redrive learns the outcome by polls.
 * @param options.secrets the first one makes the URL's token.
 */
export function createWebhookUrl(options: {
  publicUrl: string | undefined;
  secrets: readonly string[];
  providers: ReadonlyMap<string, ProviderAdapter>;
}): WebhookUrl {
  const { publicUrl, providers } = options;
  const [secret] = options.secrets;
  return (generation) => {
    const { provider } = generation;
    const { id, attempt, mode } = attemptOf(generation);
    const webhook = providers.get(provider)?.webhook;
    // As it was asked for, and as this process is set up: either may have changed since.
    if (mode === 'polling' || modeOf({ publicUrl, webhook }) === 'polling') return undefined;
    if (!publicUrl || !secret || webhook?.scope !== 'request') return undefined;
    const name = attemptName(id, attempt);
    const path = `/webhooks/${provider}/${name}/${deliveryToken(secret, provider, name)}`;
    return publicUrl.replace(/\/$/, '') + path;
  };
}
