import type { Redis } from 'ioredis';
import { createLogger, type Logger } from './config/log.ts';
import { pollProfileFor } from './config/poll-profiles.ts';
import type { Settings } from './config/settings.ts';
import { readProcessSettings } from './config/start-up.ts';
import { openTenants, type Tenants } from './config/tenants.ts';
import type { Generation } from './generation/generation.ts';
import { type ShowResults, shownUnkept } from './generation/kept-result.ts';
import type { Rules } from './generation/rules.ts';
import { createEnqueue, type Enqueue } from './producers/enqueue.ts';
import { createQueueSet, type QueueSet } from './producers/queue-set.ts';
import { createRequestGeneration, type RequestGeneration } from './producers/request-generation.ts';
import { createTurnsHeard } from './producers/turns-heard.ts';
import { type ConnectedProviders, connectProviders } from './providers/connect.ts';
import { loadFactories } from './providers/modules.ts';
import { accountWide } from './providers/provider.ts';
import type { ProviderFactory } from './providers/provider-settings.ts';
import { createRules } from './providers/rules.ts';
import { openConnection, type WhileAway } from './store/connection.ts';
import { type Keys, keysOf } from './store/keys.ts';
import { createMemoryBrake } from './store/memory-brake.ts';
import { createStore, type Store } from './store/store.ts';
import { createSubscribers, type Subscribers } from './store/subscribers.ts';
import { createTurns, type OnTurns, type Turns } from './store/turns.ts';
import { createUsage, type Usage } from './store/usage.ts';
import { createVault, type Vault } from './vault/vault.ts';

/** What is settled before anything is opened: the settings, the providers, the log. */
export interface Installation extends ConnectedProviders {
  readonly settings: Settings & { readonly REDIS_URL: string };
  readonly log: Logger;
}

/** What every process and the library work with; each adds only what it alone does. */
export interface Core {
  readonly settings: Installation['settings'];
  readonly providers: ConnectedProviders['providers'];
  readonly stated: ConnectedProviders['stated'];
  readonly log: Logger;
  readonly tenants: Tenants;
  readonly usage: Usage;
  readonly now: () => number;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly store: Store;
  readonly turns: Turns;
  /** Adds the jobs of those whose turn it is. */
  readonly onTurns: OnTurns;
  readonly queues: QueueSet;
  readonly enqueue: Enqueue;
  readonly subscribers: Subscribers;
  /** @throws NotKnownHere for a provider or model that is not switched on here. */
  readonly rulesFor: (asked: Pick<Generation, 'provider' | 'model' | 'input'>) => Rules;
  readonly requestGeneration: RequestGeneration;
  /** Where results are kept; undefined where the settings name no place. */
  readonly vault: Vault | undefined;
  readonly showResults: ShowResults;
  /** Says goodbye to Redis where it is there. The connection stays until `end`. */
  close(): Promise<void>;
  /** Ends the connection whatever it is doing; for after `close`, or instead of it. */
  end(): void;
}

/**
 * Reads the settings of a process, and connects the providers that they switch on. Opens nothing.
 * @param needs.providers more of them than the built-in ones and those of `PROVIDER_MODULES`.
 * @param needs.secret false for a process that signs nothing and checks no signature.
 * @throws InvalidSettings naming every variable that is wrong or missing.
 */
export async function configure(
  env: Readonly<Record<string, string | undefined>>,
  needs: {
    apiKeys: boolean;
    secret?: false;
    providers?: ReadonlyMap<string, ProviderFactory>;
    log?: Logger | undefined;
    logTo?: NodeJS.WritableStream;
  },
): Promise<Installation> {
  const factories = new Map(await loadFactories(env['PROVIDER_MODULES'], env['MODELS_FILE']));
  for (const [name, factory] of needs.providers ?? []) factories.set(name, factory);
  const settings = readProcessSettings(env, { ...needs, providerNames: factories.keys() });
  const log = needs.log ?? createLogger(settings.LOG_LEVEL, settings.secretValues, needs.logTo);
  if (settings.ALLOW_INSECURE_URLS) {
    log.warn('ALLOW_INSECURE_URLS is set: URLs of apps may lead into private networks');
  }
  return { settings, log, ...connectProviders(settings, factories) };
}

/**
 * Builds everything that decides where data goes, in the one way there is. Opens one connection to
 * Redis and writes nothing. @throws InvalidSettings for a TENANTS_FILE that cannot be understood.
 * @param how.leavesNoTrace opening a queue writes nothing either.
 */
export function assemble(
  {
    settings,
    providers,
    stated,
    log,
  }: Pick<Installation, 'settings' | 'providers' | 'stated' | 'log'>,
  how: { whileAway: WhileAway; leavesNoTrace?: true; now?: () => number },
): Core {
  const { whileAway, leavesNoTrace = false, now = Date.now } = how;
  const tenants = openTenants({ settings, providers, log });
  const connection = openConnection({ url: settings.REDIS_URL, whileAway, log });
  const { redis } = connection;
  const keys = keysOf(settings.REDIS_NAMESPACE);
  const queues = createQueueSet({
    ...{ connection: redis, prefix: keys.prefix, leavesNoTrace, log },
    failFast: whileAway === 'fail',
  });
  const enqueue = createEnqueue(queues);
  const heard = createTurnsHeard(enqueue, log);
  const { onTurns } = heard;
  const { store, turns } = openRecords({ settings, providers, redis, keys, onTurns, now });
  const rulesFor = rulesOf(settings, providers);
  const lifetimeOf = ({ provider, model }: Pick<Generation, 'provider' | 'model'>) =>
    providers.get(provider)?.models[model]?.resultLifetimeMs;
  const vault = createVault({ settings, redis, keys, lifetimeOf });
  const usage = createUsage({ redis, keys, retentionMs: settings.RETENTION_MS });
  const requestGeneration = requestsOf({
    settings,
    providers,
    log,
    store,
    turns,
    onTurns,
    redis,
    keys,
    tenants,
    vault,
    usage,
    now,
  });

  return {
    ...{ settings, providers, stated, log, now, redis, keys, store, turns, onTurns, queues },
    ...{ enqueue, tenants, usage, rulesFor, requestGeneration },
    subscribers: createSubscribers({ redis, keys }),
    ...{ vault, showResults: vault?.show ?? ((g) => shownUnkept(g, lifetimeOf(g))) },
    end() {
      tenants.stop();
      connection.end();
    },
    async close() {
      await heard.settled();
      await queues.close();
      vault?.storage.close();
      // Redis may have gone a moment ago, and then there is nobody to say goodbye to.
      if (redis.status === 'ready') await redis.quit().catch(() => {});
    },
  };
}

function openRecords(
  parts: Pick<Core, 'settings' | 'providers' | 'redis' | 'keys' | 'onTurns' | 'now'>,
): Pick<Core, 'store' | 'turns'> {
  const { settings, providers } = parts;
  const placesAt = (name: string) => providers.get(name)?.limits.running;
  const store = createStore({
    ...{ ...parts, placesAt },
    providers: [...providers.keys()],
    retentionMs: settings.RETENTION_MS,
    matchedByTask: accountWide(providers),
  });
  return { store, turns: createTurns({ ...parts, placesAt, store }) };
}

type RequestParts = Pick<
  Core,
  | 'settings'
  | 'providers'
  | 'log'
  | 'store'
  | 'turns'
  | 'onTurns'
  | 'redis'
  | 'keys'
  | 'tenants'
  | 'vault'
  | 'usage'
  | 'now'
>;

/** What is accepted is counted too; that nobody waits for. */
function requestsOf(parts: RequestParts): RequestGeneration {
  const { settings, log, tenants, vault, usage } = parts;
  const requestGeneration = createRequestGeneration({
    ...parts,
    memoryBrake: createMemoryBrake({ ...parts, share: settings.MEMORY_BRAKE }),
    limitsOf: tenants.limitsOf,
    publicUrl: settings.PUBLIC_URL,
    allowInsecureUrls: settings.ALLOW_INSECURE_URLS,
    keepsResults: vault !== undefined,
    maxQueuedMs: settings.MAX_QUEUED_MS,
  });
  return async (body, who) => {
    const requested = await requestGeneration(body, who);
    if (requested.created) {
      usage.asked(requested.generation).catch((err: unknown) => log.warn({ err }, 'not counted'));
    }
    return requested;
  };
}

function rulesOf(settings: Settings, providers: Installation['providers']): Core['rulesFor'] {
  return createRules(providers, {
    pollProfile: (type, about) => pollProfileFor(type, about, settings.POLL_PROFILES),
    submitTimeoutMs: settings.SUBMIT_TIMEOUT_MS,
    unconfirmedGraceMs: settings.UNCONFIRMED_GRACE_MS,
    checkPatienceMs: settings.CHECK_PATIENCE_MS,
    onUnknownOutcome: (name) => settings.providers[name]?.onUnknownOutcome ?? 'fail',
  });
}
