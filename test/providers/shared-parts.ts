import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createHttpClient, type HttpClient } from '../../src/outbound/http-client.ts';
import { createImageSource } from '../../src/outbound/image-source.ts';
import { createFolderFiles } from '../../src/providers/files.ts';
import type { ProviderOptions } from '../../src/providers/provider-settings.ts';
import type { SharedParts } from '../../src/providers/registry.ts';
import { loopbackServer } from '../support/loopback-server.ts';

/** What every adapter is handed, with limits small enough to be met in a test. */
export async function sharedParts(
  http: HttpClient = createHttpClient({ timeoutMs: 2_000, maxBodyBytes: 1_000_000 }),
): Promise<SharedParts & { close(): Promise<void> }> {
  const images = createImageSource({ allowInsecure: true });
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-files-'));
  const files = createFolderFiles({ folder, publicUrl: 'http://127.0.0.1:1', secret: 'secret' });
  return {
    http,
    images,
    files,
    close: async () => {
      await Promise.all([http.close(), images.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** An adapter whose provider is a server of the test's own; both are gone when the test ends. */
export async function onLoopback<A>(
  create: (options: ProviderOptions) => A,
  reply: Parameters<typeof loopbackServer>[0],
  more: Partial<ProviderOptions> = {},
) {
  const server = await loopbackServer(reply);
  const { close, ...shared } = await sharedParts();
  onTestFinished(async () => {
    await server.close();
    await close();
  });
  const settings = { apiKey: 'key-for-tests', baseUrl: server.url, webhookSecrets: [] };
  return { server, adapter: create({ ...settings, ...shared, ...more }) };
}
