import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Cleanup } from '../../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../../rig/compile.ts';
import { freePort } from '../../rig/ports.ts';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import type { Say } from '../../rig/run-tool.ts';
import { type Child, startProcess } from '../../rig/start-process.ts';
import { untilReady } from '../../rig/until-ready.ts';
import { assemble, type Core, configure } from '../../src/core.ts';
import { BUCKET, type PictureHost, type Storage, startPictureHost, startStorage } from './hosts.ts';

/** Everything that runs: Redis, a web and a worker process, a host of pictures, a storage. */
export interface VaultStack {
  readonly core: Core;
  readonly web: Child;
  readonly worker: Child;
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly pictures: PictureHost;
  readonly storage: Storage;
}

export async function startVaultStack(cleanup: Cleanup, say: Say): Promise<VaultStack> {
  say('compiling');
  const folder = await compileToTemporaryFolder(cleanup);
  const data = await mkdtemp(join(tmpdir(), 'catwalk-bench-vault-'));
  cleanup.add(() => rm(data, { recursive: true, force: true }));
  say('starting');
  const redis = await startEmbeddedRedis({ log: say });
  cleanup.add(redis.stop);
  const pictures = await startPictureHost(cleanup);
  const storage = await startStorage(cleanup, join(data, 's3'));

  const [port, healthPort] = [await freePort(), await freePort()];
  const apiUrl = `http://127.0.0.1:${port}`;
  const apiKey = randomBytes(16).toString('hex');
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    REDIS_URL: redis.url,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: apiUrl,
    ALLOW_INSECURE_URLS: 'true',
    WORKER_HEALTH_PORT: String(healthPort),
    WORKER_ROLES: 'completion,vault',
    CATWALK_SECRET: randomBytes(32).toString('base64'),
    API_KEYS: `bench:${apiKey}`,
    TENANT_REQUESTS_PER_SECOND: '100000',
    FASHN_API_KEY: 'fa-bench',
    FILES_DIR: join(data, 'files'),
    VAULT_DIR: join(data, 'drafts'),
    VAULT_S3_BUCKET: BUCKET,
    VAULT_S3_ENDPOINT: storage.url,
    VAULT_S3_PATH_STYLE: 'true',
    // The one account of the package, of which everybody knows.
    VAULT_S3_ACCESS_KEY_ID: 'S3RVER',
    VAULT_S3_SECRET_ACCESS_KEY: 'S3RVER',
  };
  const start = (program: string): Child => {
    const logFile = join(data, `${program.replaceAll('/', '-')}.log`);
    const child = startProcess(program, { folder, env, logFile });
    cleanup.add(() => child.stop());
    return child;
  };
  const web = start('src/http/main');
  const worker = start('src/workers/main');
  await untilReady(`${apiUrl}/readyz`, web.failed);
  await untilReady(`http://127.0.0.1:${healthPort}/readyz`, worker.failed);

  const log = pino({ level: 'silent' });
  const installation = await configure(env, { apiKeys: false, log });
  const core = assemble(installation, { whileAway: 'wait' });
  cleanup.add(async () => {
    await Promise.all([core.close(), installation.close()]);
    core.end();
  });
  return { core, web, worker, apiUrl, apiKey, pictures, storage };
}
