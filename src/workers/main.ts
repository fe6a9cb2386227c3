#!/usr/bin/env node
import closeWithGrace from 'close-with-grace';
import { ABOUT_SETTINGS, takeNoArguments } from '../config/arguments.ts';
import { PROVIDER_NAMES } from '../config/env.ts';
import { createLogger } from '../config/log.ts';
import { summarise } from '../config/settings.ts';
import { exitWith, readProcessSettings, requireRedis } from '../config/start-up.ts';
import { connectProviders } from '../providers/connect.ts';
import { needsFolder, sendersOfBytes } from '../providers/files.ts';
import { loadFactories } from '../providers/modules.ts';
import { requireWritable } from '../providers/writable-folder.ts';
import { keysOf } from '../store/keys.ts';
import { startWorkerHealth } from './liveness/health.ts';
import { startWatch } from './liveness/watch.ts';
import { startWorkers } from './start.ts';

const REDIS_PATIENCE_MS = 10_000;
/** Files are removed as late as the records that name them. */
const SWEEP_EVERY_MS = 3_600_000;

const HELP = `catwalk worker        (in Catwalk's own repository: npm run build, then npm run start:worker)

The worker process: submits generations to their providers, polls, decides outcomes, and notifies
callbacks. Run as many as you like; WORKER_ROLES says what each of them does. They meet the web
process (catwalk http) only in Redis.

Needs REDIS_URL, CATWALK_SECRET and at least one provider's key, such as FASHN_API_KEY; and
PUBLIC_URL as the web process has it, or results are polled for. Its own /livez and /readyz are on
WORKER_HEALTH_HOST and WORKER_HEALTH_PORT.

${ABOUT_SETTINGS}`;

/** The worker process. Run as many as you like; each takes what the others leave. */
async function main(): Promise<void> {
  takeNoArguments(process.argv.slice(2), HELP);
  const factories = await loadFactories(process.env['PROVIDER_MODULES']);
  const settings = readProcessSettings(process.env, {
    apiKeys: false,
    providerNames: factories.keys(),
  });
  const log = createLogger(settings.LOG_LEVEL, settings.secretValues);
  const connected = connectProviders(settings, factories);
  const linked = sendersOfBytes(connected.providers.keys(), PROVIDER_NAMES);
  if (!settings.PUBLIC_URL && linked.length > 0)
    log.warn({ providers: linked }, 'PUBLIC_URL is unset: links to files lead to 127.0.0.1');
  const learns = settings.WORKER_ROLES.some((role) => role === 'submit' || role === 'poll');
  if (learns && needsFolder(connected.providers.keys())) await requireWritable(settings.FILES_DIR);
  const workers = await startWorkers(settings, connected.providers, log, {
    beforeFirstJob: (redis) => requireRedis(redis, log, REDIS_PATIENCE_MS),
    giveUpCalls: connected.giveUpCalls,
  });
  const sweep = setInterval(() => {
    const oldest = Date.now() - settings.RETENTION_MS;
    connected.files
      .removeOlderThan(oldest)
      .catch((err: unknown) => log.warn({ err }, 'files kept'));
  }, SWEEP_EVERY_MS).unref();
  const { probe: probeKey } = keysOf(settings.REDIS_NAMESPACE);
  const watch = startWatch({ ...workers, probeKey, log });
  const health = await startWorkerHealth(
    { host: settings.WORKER_HEALTH_HOST, port: settings.WORKER_HEALTH_PORT },
    { watch, redis: workers.redis },
  ).catch(async (error: unknown) => {
    // Jobs may be under way: no submission is to be cut off because a port is taken.
    watch.stop();
    await workers.stop();
    throw error;
  });
  log.info({ settings: summarise(process.env), health: health.url }, 'worker started');

  closeWithGrace({ delay: settings.SHUTDOWN_MS }, async ({ err, signal }) => {
    log.info({ signal, err }, 'worker stopping');
    clearInterval(sweep);
    watch.stop();
    await workers.stop();
    await Promise.all([connected.close(), health.stop()]);
  });
}

const HEALTH = { host: 'WORKER_HEALTH_HOST', port: 'WORKER_HEALTH_PORT' };

await main().catch((error: unknown) => exitWith(error, HEALTH));
