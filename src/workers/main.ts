import closeWithGrace from 'close-with-grace';
import { createLogger } from '../config/log.ts';
import { summarise } from '../config/settings.ts';
import { exitWith, readProcessSettings, requireRedis } from '../config/start-up.ts';
import { connectProviders } from '../providers/connect.ts';
import { startWorkerHealth } from './health.ts';
import { startWorkers } from './start.ts';

const REDIS_PATIENCE_MS = 10_000;

/** The worker process. Run as many as you like; each takes what the others leave. */
async function main(): Promise<void> {
  const settings = readProcessSettings(process.env, { apiKeys: false });
  const log = createLogger(settings.LOG_LEVEL, settings.secretValues);
  const connected = connectProviders(settings.providers, {
    submitMs: settings.SUBMIT_TIMEOUT_MS,
    pollMs: settings.POLL_TIMEOUT_MS,
  });
  const workers = await startWorkers(settings, connected.providers, log, {
    beforeFirstJob: (redis) => requireRedis(redis, log, REDIS_PATIENCE_MS),
  });
  const health = await startWorkerHealth(
    { host: settings.WORKER_HEALTH_HOST, port: settings.WORKER_HEALTH_PORT },
    workers,
  );
  log.info({ settings: summarise(process.env), health: health.url }, 'worker started');

  closeWithGrace({ delay: settings.SHUTDOWN_MS }, async ({ err, signal }) => {
    log.info({ signal, err }, 'worker stopping');
    await workers.stop();
    await Promise.all([connected.close(), health.stop()]);
  });
}

await main().catch(exitWith);
