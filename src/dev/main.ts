import closeWithGrace from 'close-with-grace';
import { createLogger } from '../config/log.ts';
import { exitWith, readProcessSettings, requireRedis } from '../config/start-up.ts';
import { startHttp } from '../http/start.ts';
import { connectProviders } from '../providers/connect.ts';
import { loadFactories } from '../providers/modules.ts';
import { startWorkers } from '../workers/start.ts';
import { startEmbeddedRedis } from './embedded-redis.ts';
import {
  DEV_API_KEY,
  developmentDefaults,
  hasRealProvider,
  startSimulation,
} from './environment.ts';

const DATA_FOLDER = '.catwalk/redis';
const REDIS_PATIENCE_MS = 10_000;

/** Everything in one process, for a laptop: Redis, simulated providers, web side and workers. */
async function main(): Promise<void> {
  const redis = process.env['REDIS_URL']
    ? undefined
    : await startEmbeddedRedis({ dataDir: DATA_FOLDER });
  const publicUrl = `http://127.0.0.1:${process.env['PORT'] ?? '3000'}`;
  const simulation = hasRealProvider(process.env) ? undefined : await startSimulation(publicUrl);
  const env: Record<string, string | undefined> = {
    ...simulation?.env,
    ...developmentDefaults(process.env),
    ...process.env,
    ...(redis && { REDIS_URL: redis.url }),
  };
  // Simulated providers run on this machine, so they can reach us on it.
  if (simulation) env['PUBLIC_URL'] ??= publicUrl;
  const factories = await loadFactories(process.env['PROVIDER_MODULES']);
  const settings = readProcessSettings(env, {
    apiKeys: true,
    providerNames: factories.keys(),
  });

  const log = createLogger(settings.LOG_LEVEL, settings.secretValues);
  const connected = connectProviders(settings, factories);
  const workers = await startWorkers(settings, connected.providers, log, {
    beforeFirstJob: (client) => requireRedis(client, log, REDIS_PATIENCE_MS),
  });
  const web = await startHttp(settings, connected.providers, log);

  closeWithGrace({ delay: settings.SHUTDOWN_MS }, async ({ err }) => {
    if (err) log.error({ err }, 'stopping');
    await web.stop();
    await workers.stop();
    await connected.close();
    await simulation?.process.stop();
    await redis?.stop();
  });

  const say = (line: string): boolean => process.stdout.write(`${line}\n`);
  say(
    `API         ${web.url}/v1/generations  (Authorization: Bearer ${process.env['API_KEYS'] ? '<your key>' : DEV_API_KEY})`,
  );
  say(
    `Bull Board  ${web.url}/admin/queues  (${settings.BOARD_USER} / ${process.env['BOARD_PASSWORD'] ? '<your password>' : settings.BOARD_PASSWORD})`,
  );
  say(
    `providers   ${simulation ? `simulated, at ${simulation.url}` : [...connected.providers.keys()].join(', ')}`,
  );
}

await main().catch(exitWith);
