import { expect, onTestFinished, test } from 'vitest';
import { type ConnectSettings, connectProviders } from '../../src/providers/connect.ts';
import type { ProviderOptions } from '../../src/providers/provider-settings.ts';
import { createTryOnApi } from '../../src/providers/tryon-api/adapter.ts';
import { always, loopbackServer } from '../support/loopback-server.ts';

const SETTINGS = {
  providers: { mine: { apiKey: 'key', webhookSecrets: [], taskPath: '/x/{id}' } },
  SUBMIT_TIMEOUT_MS: 1_234,
  POLL_TIMEOUT_MS: 500,
  ALLOW_INSECURE_URLS: true,
  FILES_DIR: '/nowhere',
  PORT: 1,
  CATWALK_SECRET: [],
};

/** What an adapter is handed under these settings. */
function handedTo(settings: Partial<ConnectSettings> = {}): ProviderOptions {
  const handed: ProviderOptions[] = [];
  const factory = (options: ProviderOptions) => {
    handed.push(options);
    return createTryOnApi(options);
  };
  const connected = connectProviders({ ...SETTINGS, ...settings }, new Map([['mine', factory]]));
  onTestFinished(() => connected.close());
  const [options] = handed;
  if (!options) throw new Error('What has settings is built');
  return options;
}

test('an adapter is given how long a whole submission may take', () => {
  expect(handedTo()).toMatchObject({ submitTimeoutMs: 1_234, taskPath: '/x/{id}' });
});

test.each([
  [{}, /^catwalk\/\d+\.\d+\.\d+$/],
  [
    { PUBLIC_URL: 'https://catwalk.example.com' },
    /^catwalk\/\S+ \(\+https:\/\/catwalk\.example\.com\)$/,
  ],
  [{ USER_AGENT: 'my-shop/1.0' }, /^my-shop\/1\.0$/],
])('every call and every picture says who asks: %j', async (settings, userAgent) => {
  const server = await loopbackServer(always(200, 'GIF89a'));
  onTestFinished(server.close);
  const { http, images } = handedTo(settings);
  for (const kind of ['submit', 'safe-to-retry'] as const) {
    await http.request({ kind, method: 'GET', url: server.url });
  }
  await images.load(server.url);
  const asked = server.received.map(({ headers }) => headers['user-agent']);
  expect(asked).toEqual(Array(3).fill(expect.stringMatching(userAgent)));
});
