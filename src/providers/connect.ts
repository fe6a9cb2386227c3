import { createHttpClient, type HttpClient } from './http-client.ts';
import type { ProviderAdapter } from './provider.ts';
import type { ProviderSettings } from './provider-settings.ts';
import { createProviders } from './registry.ts';

export interface ConnectedProviders {
  readonly providers: ReadonlyMap<string, ProviderAdapter>;
  close(): Promise<void>;
}

/** No answer of a provider that we read is larger; results are links, not pictures. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/** The providers that have settings, with connections of their own. Opens none before a call. */
export function connectProviders(
  settings: Readonly<Partial<Record<string, ProviderSettings>>>,
  timeouts: { submitMs: number; pollMs: number },
): ConnectedProviders {
  const client = (timeoutMs: number): HttpClient =>
    createHttpClient({ timeoutMs, maxBodyBytes: MAX_ANSWER_BYTES });
  const submits = client(timeouts.submitMs);
  const reads = client(timeouts.pollMs);
  const http: HttpClient = {
    request: (request) => (request.kind === 'submit' ? submits : reads).request(request),
    close: async () => {
      await Promise.all([submits.close(), reads.close()]);
    },
  };
  return { providers: createProviders(settings, http), close: http.close };
}
