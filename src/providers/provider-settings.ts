import { CatwalkError } from '../generation/errors.ts';
import type { HttpClient } from '../outbound/http-client.ts';
import type { ImageSource } from '../outbound/image-source.ts';
import type { AddedModel } from './added-model.ts';
import type { FileStore } from './files.ts';
import type { ProviderAdapter, ProviderLimits } from './provider.ts';

/** What an operator says about one provider. */
export interface ProviderSettings {
  /** Some providers want two parts, `id:secret`. */
  readonly apiKey: string;
  /** Another address than the provider's own, such as a simulator's. */
  readonly baseUrl?: string | undefined;
  /**
   * The live secrets of signed webhooks; two while one replaces the other. With none, a provider
   * that signs, and does not tell its secret, gets no webhook support and is polled: an unverified
   * body is never believed.
   */
  readonly webhookSecrets: readonly string[];
  readonly limits?:
    | {
        readonly submitsPerMinute?: number | undefined;
        readonly concurrency?: number | undefined;
        readonly pollsPerSecond?: number | undefined;
        readonly running?: number | undefined;
      }
    | undefined;
  /**
   * Another path of a task than the one that the adapter takes for documented, for providers whose
   * documents are unsure of it: `/api/v1/tryon/{id}`. Other providers pass it over.
   */
  readonly taskPath?: string | undefined;
  /** For providers that do not sign. Default `hint`. */
  readonly trust?: 'hint' | 'token' | undefined;
  /** For providers that look at pictures before anything is paid. Default true. */
  readonly checkInputs?: boolean | undefined;
}

/** What a factory is handed: the settings, and what adapters share. */
export interface ProviderOptions extends ProviderSettings {
  /** For calls to the provider itself. */
  readonly http: HttpClient;
  /** Loads the app's pictures, for providers that take bytes only. */
  readonly images: ImageSource;
  /** Keeps results that come as bytes. */
  readonly files: FileStore;
  /** Longest that a whole submission may take, also where it is made of several calls. */
  readonly submitTimeoutMs?: number | undefined;
  /** Models that the settings add, by name; one that is built in gives way. */
  readonly models?: ReadonlyMap<string, AddedModel> | undefined;
}

export type ProviderFactory = (options: ProviderOptions) => ProviderAdapter;

/**
 * What the operator said about a provider is not enough to build it. The message begins with the
 * variable to set; at start it is all that is printed.
 */
export class InvalidProviderSettings extends CatwalkError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('invalid_settings', message, options);
  }
}

/**
 * The path of a task: the operator's, or the usual one. `{id}` stands for the task's id.
 * @param prefix of the provider's variables: `FITINVIEW`.
 * @throws InvalidProviderSettings for what is no such path.
 */
export function taskPathOf(prefix: string, chosen: string | undefined, usual: string): string {
  const path = chosen ?? usual;
  if (/^\/(?!\/)[^\s?#]*\{id\}[^\s?#]*$/.test(path)) return path;
  throw new InvalidProviderSettings(`${prefix}_TASK_PATH: must begin with / and contain {id}`);
}

/** The provider's documented limits, with what the operator says instead. */
export function limitsFor(
  documented: ProviderLimits,
  settings: ProviderSettings['limits'],
): ProviderLimits {
  const perMinute = settings?.submitsPerMinute;
  const running = settings?.running ?? documented.running;
  return {
    submits: perMinute === undefined ? documented.submits : { max: perMinute, perMs: 60_000 },
    concurrency: settings?.concurrency ?? documented.concurrency,
    pollsPerSecond: settings?.pollsPerSecond ?? documented.pollsPerSecond,
    ...(running !== undefined && { running }),
  };
}
