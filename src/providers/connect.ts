import { setMaxListeners } from 'node:events';
import { ownAddress } from '../generation/own-file.ts';
import { fileNameKey } from '../outbound/derived-keys.ts';
import { createHttpClient, type HttpClient } from '../outbound/http-client.ts';
import { createImageSource } from '../outbound/image-source.ts';
import type { StatedLimit } from '../outbound/stated-limits.ts';
import { type UserAgentSettings, userAgentOf } from '../outbound/user-agent.ts';
import { createFolderFiles, type FileStore } from './files.ts';
import type { ProviderAdapter } from './provider.ts';
import type { ProviderFactory, ProviderSettings } from './provider-settings.ts';
import { createProviders } from './registry.ts';

/** The settings that matter here, by their names in the environment. */
export interface ConnectSettings extends UserAgentSettings {
  readonly providers: Readonly<Partial<Record<string, ProviderSettings>>>;
  readonly SUBMIT_TIMEOUT_MS: number;
  readonly POLL_TIMEOUT_MS: number;
  readonly ALLOW_INSECURE_URLS: boolean;
  readonly FILES_DIR: string;
  readonly PORT: number;
  readonly CATWALK_SECRET: readonly string[];
}

export interface ConnectedProviders {
  readonly providers: ReadonlyMap<string, ProviderAdapter>;
  readonly files: FileStore;
  /** What each provider's last answer to a submission of this process stated of its rate limit. */
  readonly stated: ReadonlyMap<string, StatedLimit>;
  /**
   * Gives up every call under way, as if its time were over, and every later one before it is sent.
   * For a process that is told to stop and cannot wait for a slow provider.
   */
  giveUpCalls(): void;
  /** A second call waits for the first. */
  close(): Promise<void>;
}

/** No answer of a provider that we read is larger, also when it is the picture itself. */
const MAX_ANSWER_BYTES = 25 * 1024 * 1024;

/**
 * The providers that have settings, with connections of their own. Opens none before a call.
 * @param factories more providers than the built-in ones, by name.
 */
export function connectProviders(
  settings: ConnectSettings,
  factories?: ReadonlyMap<string, ProviderFactory>,
): ConnectedProviders {
  const calls = new AbortController();
  const { signal } = calls;
  // One for each call under way; there may be hundreds.
  setMaxListeners(0, signal);
  const userAgent = userAgentOf(settings);
  const client = (timeoutMs: number): HttpClient =>
    createHttpClient({ timeoutMs, maxBodyBytes: MAX_ANSWER_BYTES, signal, userAgent });
  const submits = client(settings.SUBMIT_TIMEOUT_MS);
  const reads = client(settings.POLL_TIMEOUT_MS);
  const http: HttpClient = {
    request: (request) => (request.kind === 'submit' ? submits : reads).request(request),
    close: async () => {
      await Promise.all([submits.close(), reads.close()]);
    },
  };
  let closed: Promise<void> | undefined;
  const { ALLOW_INSECURE_URLS: allowInsecure } = settings;
  const images = createImageSource({ allowInsecure, signal, userAgent });
  const files = createFolderFiles({
    folder: settings.FILES_DIR,
    publicUrl: ownAddress(settings),
    secret: fileNameKey(settings),
  });
  const stated = new Map<string, StatedLimit>();
  const limitStated = stated.set.bind(stated);
  const { SUBMIT_TIMEOUT_MS: submitTimeoutMs } = settings;
  const shared = { http, images, files, submitTimeoutMs, limitStated };
  return {
    providers: createProviders(settings.providers, shared, factories),
    files,
    stated,
    giveUpCalls: () => calls.abort(),
    close: () => {
      closed ??= Promise.all([http.close(), images.close()]).then(() => undefined);
      return closed;
    },
  };
}
