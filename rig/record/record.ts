import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { providerVariable } from '../../src/config/env.ts';
import { pollProfileFor } from '../../src/config/poll-profiles.ts';
import { readSettings, type Settings } from '../../src/config/settings.ts';
import { createHttpClient } from '../../src/outbound/http-client.ts';
import { createImageSource } from '../../src/outbound/image-source.ts';
import { userAgentOf } from '../../src/outbound/user-agent.ts';
import { createFolderFiles } from '../../src/providers/files.ts';
import { loadFactories } from '../../src/providers/modules.ts';
import type { Model, ProviderAdapter } from '../../src/providers/provider.ts';
import { createProviders } from '../../src/providers/registry.ts';
import type { Cleanup } from '../cleanup.ts';
import { UsageError } from '../flags.ts';
import type { Say } from '../run-tool.ts';
import type { Private } from './placeholders.ts';
import { createRecorder } from './recorder.ts';
import { encode, exchangeOf, type Recording } from './recording.ts';
import { runOnce, UNKNOWN_TASK } from './run-once.ts';

/** What is to be recorded. */
export interface Asked {
  readonly provider: string;
  readonly model: string;
  readonly input: unknown;
  /** Where the provider is to call, if anywhere. Nobody waits for it. */
  readonly webhook?: string | undefined;
  /** As the processes have them. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A recording, and the text to write. */
export interface Recorded {
  readonly recording: Recording;
  readonly text: string;
}

const MOST_BYTES = 25 * 1024 * 1024;

/**
 * One generation through our own adapter, with the provider that the settings name. Pays for it.
 * @throws UsageError for a provider, a model or an input that is none.
 */
export async function record(asked: Asked, cleanup: Cleanup, say: Say): Promise<Recorded> {
  const { provider: name, model, env } = asked;
  const factories = await loadFactories(env['PROVIDER_MODULES']);
  const settings = readSettings(env, factories.keys());
  const own = settings.providers[name];
  if (!own) {
    const known = [...factories.keys()].join(', ');
    const set = factories.has(name) ? `set ${providerVariable(name, 'API_KEY')}` : `use ${known}`;
    throw new UsageError(`--provider ${name}: ${set}`);
  }
  const shared = await openShared(settings, cleanup);
  const recorder = createRecorder(shared.http);
  const parts = { ...shared, http: recorder.http, submitTimeoutMs: settings.SUBMIT_TIMEOUT_MS };
  const adapter = createProviders({ [name]: own }, parts, factories).get(name);
  if (!adapter) throw new UsageError(`--provider ${name}: it cannot be built`);

  const { about, input } = modelOf(adapter, model, asked.input);
  say(`one generation by ${name}, ${model}; its list price: ${about.price ?? 'not published'}`);
  const at = { provider: name, name: model, recommended: about.poll };
  const poll = pollProfileFor(about.type, at, settings.POLL_PROFILES);
  const run = { adapter, recorder, model, input, webhookUrl: asked.webhook, poll, say };
  const { end, taskId } = await runOnce(run);

  const ids = [UNKNOWN_TASK, ...(taskId === undefined ? [] : [taskId])];
  const hidden: Private = { secrets: secretsOf(settings, own.apiKey), ids };
  const base = own.baseUrl === undefined ? '' : new URL(own.baseUrl).pathname.replace(/\/$/, '');
  const exchanges = recorder.exchanges.map((raw) => exchangeOf(raw, hidden, base));
  const recorded = new Date().toISOString().slice(0, 10);
  const recording = { provider: name, model, recorded, end, exchanges };
  return { recording, text: encode(recording, hidden) };
}

/** The longest first, so that none hides a part of another. */
function secretsOf({ secretValues }: Settings, apiKey: string): string[] {
  const all = new Set([...secretValues, apiKey, ...apiKey.split(':')]);
  return [...all].filter((one) => one.length >= 4).sort((a, b) => b.length - a.length);
}

/** @throws UsageError */
function modelOf(adapter: ProviderAdapter, name: string, given: unknown) {
  const about: Model | undefined = adapter.models[name];
  if (!about) {
    throw new UsageError(`--model ${name}: use one of ${Object.keys(adapter.models).join(', ')}`);
  }
  const input = about.input.safeParse(given);
  if (input.data) return { about, input: input.data };
  const wrong = input.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
  throw new UsageError(`--input: is not what ${name} takes\n${wrong.join('\n')}`);
}

/** What adapters share, for this one run: results that come as bytes are thrown away after it. */
async function openShared(settings: Settings, cleanup: Cleanup) {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-record-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const userAgent = userAgentOf(settings);
  const timeoutMs = settings.SUBMIT_TIMEOUT_MS;
  const http = createHttpClient({ timeoutMs, maxBodyBytes: MOST_BYTES, userAgent });
  const images = createImageSource({ allowInsecure: settings.ALLOW_INSECURE_URLS, userAgent });
  cleanup.add(() => Promise.all([http.close(), images.close()]));
  const files = createFolderFiles({ folder, publicUrl: 'http://127.0.0.1', secret: 'of this run' });
  return { http, images, files };
}
