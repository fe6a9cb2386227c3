import closeWithGrace from 'close-with-grace';
import { takeNoArguments } from '../../src/config/arguments.ts';
import { awaitRedis, CannotStart, exitWith } from '../../src/config/start-up.ts';
import { assemble, configure } from '../../src/core.ts';
import { startHttp } from '../../src/http/start.ts';
import { startWorkers } from '../../src/workers/start.ts';
import {
  DEV_API_KEY,
  developmentDefaults,
  freePort,
  hasRealProvider,
  SIMULATOR_PORT,
  type Simulation,
  startSimulation,
} from '../environment.ts';
import { startEmbeddedRedis } from '../redis/embedded-redis.ts';
import { EmbeddedRedisError } from '../redis/embedded-redis-error.ts';

const DATA_FOLDER = '.catwalk/redis';

const HELP = `npm run dev

Everything in one process, for a laptop: the API, webhooks, Bull Board and the workers; with
simulated providers unless a provider's key is set, and a Redis of its own unless REDIS_URL is. It
prints where all that is, and a request to try. Data stay in .catwalk/.

Listens on HOST and PORT. All settings are environment variables; the README has the list under
"Settings". None is required.

  --help, -h    this text

Exits with 0 after Ctrl-C, 1 when it could not start or broke off, 2 after wrong usage.
`;

/** Everything in one process, for a laptop: Redis, simulated providers, web side and workers. */
async function main(): Promise<void> {
  takeNoArguments(process.argv.slice(2), HELP);
  const redis = process.env['REDIS_URL']
    ? undefined
    : await startEmbeddedRedis({ dataDir: DATA_FOLDER });
  // The simulator is told our address before we listen, so a free port is chosen here.
  const port = process.env['PORT'] === '0' ? String(await freePort()) : process.env['PORT'];
  const publicUrl = `http://127.0.0.1:${port || '3000'}`;
  const simulation = hasRealProvider(process.env) ? undefined : await simulate(publicUrl);
  const env: Record<string, string | undefined> = {
    ...simulation?.env,
    ...developmentDefaults(process.env),
    ...process.env,
    ...(port && { PORT: port }),
    ...(redis && { REDIS_URL: redis.url }),
  };
  // Simulated providers run on this machine, so they can reach us on it.
  if (simulation) env['PUBLIC_URL'] ||= publicUrl;
  const installation = await configure(env, { apiKeys: true });
  const { settings, log } = installation;
  const core = assemble(installation, { whileAway: 'wait' });
  await awaitRedis(core.redis, log);
  const workers = await startWorkers(core, installation.giveUpCalls);
  const web = await startHttp(assemble(installation, { whileAway: 'fail' }));

  let stopping = false;
  void redis?.ended.then(() => {
    if (!stopping) exitWith(new CannotStart('The embedded Redis ended by itself; stopping.'));
  });
  closeWithGrace({ delay: settings.SHUTDOWN_MS }, async ({ err }) => {
    stopping = true;
    if (err) log.error({ err }, 'stopping');
    await Promise.all([web.stop(), workers.stop()]);
    await installation.close();
    await simulation?.process.stop();
    await redis?.stop();
  });

  const key = process.env['API_KEYS'] ? '<your key>' : DEV_API_KEY;
  const password = process.env['BOARD_PASSWORD'] ? '<your password>' : settings.BOARD_PASSWORD;
  const where = simulation ? `simulated, at ${simulation.url}` : [...installation.providers.keys()];
  process.stdout.write(
    `API         ${web.url}/v1/generations  (Authorization: Bearer ${key})\n` +
      `Bull Board  ${web.url}/admin/queues  (${settings.BOARD_USER} / ${password})\n` +
      `providers   ${where}\n${simulation ? tryIt(web.url, key, simulation.url) : ''}`,
  );
}

/** At the port that the README's requests name, if nothing else has it. */
async function simulate(publicUrl: string): Promise<Simulation> {
  const port = await freePort(SIMULATOR_PORT);
  const simulation = await startSimulation(publicUrl, ['--port', String(port)]);
  if (port !== SIMULATOR_PORT) {
    process.stdout.write(
      `Port ${SIMULATOR_PORT} is in use, so the simulated providers are at ${simulation.url}: ` +
        'put that into the requests of the README.\n',
    );
  }
  return simulation;
}

/** A request that works as it stands. */
function tryIt(url: string, key: string, simulatorUrl: string): string {
  const assets = `${simulatorUrl}/assets`;
  const body = JSON.stringify({
    provider: 'fashn',
    model: 'tryon-v1.6',
    input: {
      personImage: `${assets}/person.png`,
      garmentImages: [`${assets}/garment-shirt.png`],
    },
  });
  return (
    `try         curl -X POST ${url}/v1/generations -H 'Authorization: Bearer ${key}' ` +
    `-H 'Content-Type: application/json' -d '${body}'\n`
  );
}

await main().catch((error: unknown) => {
  exitWith(error instanceof EmbeddedRedisError ? new CannotStart(error.message) : error);
});
