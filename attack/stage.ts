import { join } from 'node:path';
import type { Cleanup } from '../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../rig/compile.ts';
import { freePort } from '../rig/ports.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../rig/redis/embedded-redis.ts';
import type { Say } from '../rig/run-tool.ts';
import { type Child, startProcess } from '../rig/start-process.ts';
import { type Installation, startInstallation } from './installation.ts';
import { Ready, type Target } from './messages.ts';
import type { AttackOptions } from './options.ts';
import { type SimulatedProviders, startProviders } from './providers.ts';
import { ATTACKED_PROVIDERS, makeSecrets, type Secrets } from './settings.ts';
import { setTrap, type Trap } from './trap.ts';
import { startWiretap, type Wiretap } from './wiretap.ts';

/** Everyone who takes part, all of them up. */
export interface Stage {
  readonly redis: EmbeddedRedis;
  readonly catwalk: Installation;
  readonly providers: SimulatedProviders;
  readonly trap: Trap;
  readonly shop: Child;
  /** One for quick attacks, one for patient ones. */
  readonly attackers: { readonly quick: Child; readonly patient: Child };
  readonly wiretap: Wiretap;
  /** What the attackers know now. */
  target(): Promise<Target>;
}

const START_MS = 60_000;

/** Compiles and starts everything; `cleanup` stops it, callers before those they call. */
export async function startStage(
  options: AttackOptions,
  cleanup: Cleanup,
  say: Say,
): Promise<Stage> {
  say('compiling');
  const folder = await compileToTemporaryFolder(cleanup);
  say('starting');
  const redis = await startEmbeddedRedis({ log: say });
  cleanup.add(redis.stop);
  const [port, secrets] = [await freePort(), makeSecrets()];
  const wiretap = await startWiretap(`http://127.0.0.1:${port}`, cleanup);
  const { seed } = options;
  const publicUrl = wiretap.url;
  const providers = await startProviders({ publicUrl, folder, seed }, cleanup);
  const catwalk = await startInstallation(
    {
      ...{ folder, port, publicUrl, secrets, redisUrl: redis.url },
      accounts: providers.accounts(ATTACKED_PROVIDERS),
    },
    cleanup,
  );
  const trap = await setTrap(cleanup);
  const crew = await startCrew({ folder, catwalk, secrets, providers }, cleanup);
  return {
    ...{ redis, catwalk, providers, trap, wiretap, ...crew },
    target: () => whatIsKnown({ catwalk, providers, wiretap, secrets, trap }),
  };
}

/** The shop and the attackers. */
async function startCrew(
  with_: {
    folder: string;
    catwalk: Installation;
    secrets: Secrets;
    providers: SimulatedProviders;
  },
  cleanup: Cleanup,
): Promise<Pick<Stage, 'shop' | 'attackers'>> {
  const { folder, catwalk, secrets, providers } = with_;
  const env = {
    ...catwalk.env,
    LOG_LEVEL: 'warn',
    ATTACK_API_URL: catwalk.url,
    ATTACK_API_KEY: secrets.shopKey,
    ATTACK_PICTURES_URL: providers.picturesUrl,
  };
  const start = async (name: string, program: string): Promise<Child> => {
    const logFile = join(folder, `${name}.log`);
    const child = startProcess(program, { folder, env, logFile, messages: true });
    cleanup.add(() => child.stop());
    await child.hear(Ready, START_MS);
    return child;
  };
  const [shop, quick, patient] = await Promise.all([
    start('shop', 'attack/shop'),
    start('attacker-quick', 'attack/attacker'),
    start('attacker-patient', 'attack/attacker'),
  ]);
  return { shop, attackers: { quick, patient } };
}

async function whatIsKnown(
  about: Pick<Stage, 'catwalk' | 'providers' | 'wiretap' | 'trap'> & { secrets: Secrets },
): Promise<Target> {
  const { catwalk, providers, wiretap, trap, secrets } = about;
  return {
    ...{ url: catwalk.url, port: catwalk.port, guardedUrl: catwalk.guardedUrl },
    ...{ trapPort: trap.port, picturesUrl: providers.picturesUrl },
    ...{ malloryKey: secrets.malloryKey, guardedKey: secrets.guardedKey },
    boardLogin: `${secrets.boardUser}:${secrets.boardPassword}`,
    secrets: providers.signingSecrets,
    overheard: wiretap.overheard(),
    ...(await providers.lately()),
    isRedisAway: false,
  };
}
