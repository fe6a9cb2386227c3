import { expect, onTestFinished, test } from 'vitest';
import { connectProviders } from '../../src/providers/connect.ts';
import type { ProviderOptions } from '../../src/providers/provider-settings.ts';
import { createTryOnApi } from '../../src/providers/tryon-api/adapter.ts';

test('an adapter is told how long a whole submission may take', async () => {
  const handed: ProviderOptions[] = [];
  const connected = connectProviders(
    {
      providers: { mine: { apiKey: 'key', webhookSecrets: [], taskPath: '/x/{id}' } },
      SUBMIT_TIMEOUT_MS: 1_234,
      POLL_TIMEOUT_MS: 500,
      ALLOW_INSECURE_URLS: true,
      FILES_DIR: '/nowhere',
      PORT: 1,
      CATWALK_SECRET: [],
    },
    new Map([
      [
        'mine',
        (options: ProviderOptions) => {
          handed.push(options);
          return createTryOnApi(options);
        },
      ],
    ]),
  );
  onTestFinished(() => connected.close());
  expect(handed).toMatchObject([{ submitTimeoutMs: 1_234, taskPath: '/x/{id}' }]);
});
