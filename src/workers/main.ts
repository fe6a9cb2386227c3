#!/usr/bin/env node
import closeWithGrace from 'close-with-grace';
import { ABOUT_SETTINGS, takeNoArguments } from '../config/arguments.ts';
import { PROVIDER_NAMES } from '../config/env.ts';
import { summarise } from '../config/settings.ts';
import { awaitRedis, exitWith } from '../config/start-up.ts';
import { assemble, configure, type Installation } from '../core.ts';
import { needsFolder, sendersOfBytes } from '../providers/files.ts';
import { requireWritable } from '../providers/writable-folder.ts';
import { startWorkerHealth } from './liveness/health.ts';
import { startWatch, type Watch } from './liveness/watch.ts';
import { startWorkers, type WorkerProcess } from './start.ts';

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
  const installation = await configure(process.env, { apiKeys: false });
  const { settings, log } = installation;
  await checkFiles(installation);
  const core = assemble(installation, { whileAway: 'wait' });
  let workers: WorkerProcess | undefined;
  let watch: Watch | undefined;
  const health = await startWorkerHealth(
    { host: settings.WORKER_HEALTH_HOST, port: settings.WORKER_HEALTH_PORT },
    { watch: { problems: () => watch?.problems() ?? [] }, redis: core.redis },
  );
  const sweep = sweepFiles(installation);
  closeWithGrace({ delay: settings.SHUTDOWN_MS }, async ({ err, signal }) => {
    log.info({ signal, err }, 'worker stopping');
    clearInterval(sweep);
    watch?.stop();
    if (workers) await workers.stop();
    core.end();
    await Promise.all([installation.close(), health.stop()]);
  });

  await awaitRedis(core.redis, log);
  workers = await startWorkers(core, installation.giveUpCalls);
  watch = startWatch({ ...workers, writeCheckKey: core.keys.writeCheck, log });
  log.info({ settings: summarise(process.env), health: health.url }, 'worker started');
}

/** Results that become files of ours need a place, and an address at which they are found. */
async function checkFiles({ settings, providers, log }: Installation): Promise<void> {
  const linked = sendersOfBytes(providers.keys(), PROVIDER_NAMES);
  if (!settings.PUBLIC_URL && linked.length > 0)
    log.warn({ providers: linked }, 'PUBLIC_URL is unset: links to files lead to 127.0.0.1');
  const learns = settings.WORKER_ROLES.some((role) => role === 'submit' || role === 'poll');
  if (learns && needsFolder(providers.keys())) {
    await requireWritable(settings.FILES_DIR, 'FILES_DIR');
  }
  if (settings.VAULT_DIR && settings.WORKER_ROLES.includes('vault')) {
    await requireWritable(settings.VAULT_DIR, 'VAULT_DIR');
  }
}

/** A callback is tried for 16 hours, and names its files. */
const FILES_AT_LEAST_MS = 24 * 3_600_000;

/** Files are removed as late as the records that name them, and never before the app was told. */
function sweepFiles({ settings, files, log }: Installation): NodeJS.Timeout {
  return setInterval(() => {
    const oldest = Date.now() - Math.max(settings.RETENTION_MS, FILES_AT_LEAST_MS);
    files.removeOlderThan(oldest).catch((err: unknown) => log.warn({ err }, 'files kept'));
  }, SWEEP_EVERY_MS).unref();
}

const HEALTH = { host: 'WORKER_HEALTH_HOST', port: 'WORKER_HEALTH_PORT' };

await main().catch((error: unknown) => exitWith(error, HEALTH));
