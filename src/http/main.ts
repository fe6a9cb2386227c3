#!/usr/bin/env node
import closeWithGrace from 'close-with-grace';
import { ABOUT_SETTINGS, takeNoArguments } from '../config/arguments.ts';
import { createLogger } from '../config/log.ts';
import { summarise } from '../config/settings.ts';
import { exitWith, readProcessSettings, requireRedis, UnfitRedis } from '../config/start-up.ts';
import { connectProviders } from '../providers/connect.ts';
import { loadFactories } from '../providers/modules.ts';
import { startHttp } from './start.ts';

const REDIS_PATIENCE_MS = 5_000;

const HELP = `catwalk http        (in Catwalk's own repository: npm run build, then npm run start:http)

The web process: the API (/v1), the providers' webhooks (/webhooks), results kept as files (/files),
/livez and /readyz, and Bull Board (/admin/queues) where a BOARD_PASSWORD is set. Run as many as you
like behind one address. They meet the worker processes (catwalk worker) only in Redis.

Needs REDIS_URL, CATWALK_SECRET, API_KEYS and at least one provider's key, such as FASHN_API_KEY.
Listens on HOST and PORT. PUBLIC_URL is where providers reach it from outside.

${ABOUT_SETTINGS}`;

/** The web process. Run as many as you like behind one address. */
async function main(): Promise<void> {
  takeNoArguments(process.argv.slice(2), HELP);
  const factories = await loadFactories(process.env['PROVIDER_MODULES']);
  const settings = readProcessSettings(process.env, {
    apiKeys: true,
    providerNames: factories.keys(),
  });
  const log = createLogger(settings.LOG_LEVEL, settings.secretValues);
  const connected = connectProviders(settings, factories);
  const web = await startHttp(settings, connected.providers, log);
  closeWithGrace({ delay: settings.SHUTDOWN_MS }, async ({ err, signal }) => {
    log.info({ signal, err }, 'web process stopping');
    await web.stop();
    await connected.close();
  });
  log.info({ settings: summarise(process.env), url: web.url }, 'web process started');

  // A Redis that is away now is answered with 503 until it is back; one that cannot be trusted is
  // not served from at all.
  await requireRedis(web.redis, log, REDIS_PATIENCE_MS).catch((error: unknown) => {
    if (error instanceof UnfitRedis) throw error;
    log.error({ err: error }, 'answering 503 until Redis is there');
    return requireRedis(web.redis, log);
  });
}

await main().catch((error: unknown) => exitWith(error));
