#!/usr/bin/env node
import closeWithGrace from 'close-with-grace';
import { ABOUT_SETTINGS, takeNoArguments } from '../config/arguments.ts';
import { summarise } from '../config/settings.ts';
import { awaitRedis, exitWith } from '../config/start-up.ts';
import { assemble, configure } from '../core.ts';
import { startHttp } from './start.ts';

const HELP = `catwalk http        (in Catwalk's own repository: npm run build, then npm run start:http)

The web process: the API (/v1), the providers' webhooks (/webhooks), results kept as files (/files),
/livez and /readyz, and Bull Board (/admin/queues) where a BOARD_PASSWORD is set. Run as many as you
like behind one address. They meet the worker processes (catwalk worker) only in Redis.

Needs REDIS_URL, CATWALK_SECRET, API_KEYS or TENANTS_FILE, and at least one provider's key, such as
FASHN_API_KEY.
Listens on HOST and PORT. PUBLIC_URL is where providers reach it from outside.

${ABOUT_SETTINGS}`;

/** The web process. Run as many as you like behind one address. */
async function main(): Promise<void> {
  takeNoArguments(process.argv.slice(2), HELP);
  const installation = await configure(process.env, { apiKeys: true });
  const { settings, log } = installation;
  const web = await startHttp(assemble(installation, { whileAway: 'fail' }));
  closeWithGrace({ delay: settings.SHUTDOWN_MS }, async ({ err, signal }) => {
    log.info({ signal, err }, 'web process stopping');
    await web.stop();
    await installation.close();
  });
  log.info({ settings: summarise(process.env), url: web.url }, 'web process started');

  // Meanwhile requests are answered 503.
  await awaitRedis(web.redis, log);
}

await main().catch((error: unknown) => exitWith(error));
