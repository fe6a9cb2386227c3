import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { SIMULATOR_PORT } from '../rig/development-settings.ts';
import { readSettings } from '../src/config/settings.ts';
import { namespaceIn, redisUrl } from './http/setup.ts';
import { startProgram } from './support/programs.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { until } from './support/until.ts';

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const README = readFileSync(file('README.md'), 'utf8');

/** The command of the README's first request. */
const FIRST_REQUEST = /^```sh\n(curl -X POST [^`]*)```$/m.exec(README)?.[1] ?? '';
const WEB = `http://127.0.0.1:${readSettings({}).PORT}`;
const SIMULATOR = `http://127.0.0.1:${SIMULATOR_PORT}`;

const Answer = z.looseObject({ id: z.string(), status: z.string() });

/**
 * `npm run dev` as a process of its own. Its web side takes a free port, because the README's own
 * may be taken on this machine; the simulator moves by itself.
 */
async function startDev() {
  const REDIS_NAMESPACE = `test-dev-${process.pid}-${Date.now()}`;
  await namespaceIn(redisUrl(), REDIS_NAMESPACE);
  const { HOME } = process.env;
  const settings = { REDIS_URL: redisUrl(), REDIS_NAMESPACE, PORT: '0', LOG_LEVEL: 'error' };
  const dev = startProgram('rig/dev/main', {
    cwd: await temporaryFolder(),
    env: { HOME, ...settings },
  });
  const [, tryIt = ''] = await dev.line(/^try +(curl .*)$/);
  const said = dev.said.join('\n');
  const found = (pattern: RegExp): string => pattern.exec(said)?.[1] ?? '';
  return {
    said,
    web: found(/^API +(http:\/\/[^/]+)\//m),
    simulator: found(/^providers +simulated, at (\S+)$/m),
    tryIt,
  };
}

/** Runs a command as a shell does that it was pasted into. */
async function paste(command: string): Promise<z.infer<typeof Answer>> {
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { timeout: 20_000 });
  return Answer.parse(JSON.parse(stdout));
}

async function untilCompleted(web: string, id: string, key: string): Promise<void> {
  const look = async () => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${web}/v1/generations/${id}`, { headers });
    const { status } = Answer.parse(await response.json());
    return ['queued', 'processing'].includes(status) ? undefined : status;
  };
  expect(await until('it has ended', look, 40_000)).toBe('completed');
}

test('the README’s first request names the ports that dev has unless it is told otherwise', () => {
  const origins = new Set(FIRST_REQUEST.match(/https?:\/\/[^/"]+/g));
  expect([...origins]).toEqual([WEB, SIMULATOR]);
});

test('the README’s first request and the one that dev prints work as pasted, to the end', async () => {
  const dev = await startDev();
  const pasted = FIRST_REQUEST.replaceAll(WEB, dev.web).replaceAll(SIMULATOR, dev.simulator);
  const first = await paste(pasted);
  expect(first).toMatchObject({ status: 'queued', metadata: { order: 1042 } });
  expect((await paste(pasted)).id).toBe(first.id);
  const printed = await paste(dev.tryIt);
  const key = /Bearer ([^']+)'/.exec(FIRST_REQUEST)?.[1] ?? '';
  await Promise.all([first, printed].map(({ id }) => untilCompleted(dev.web, id, key)));
}, 90_000);

test('a simulator whose port is taken is elsewhere, and dev says where', async () => {
  const other = createServer();
  onTestFinished(() => void other.close());
  // Whoever else may have it on this machine serves as well.
  await once(other.listen(SIMULATOR_PORT, '127.0.0.1'), 'listening').catch(() => {});
  const { said, simulator } = await startDev();
  expect(simulator).not.toBe(SIMULATOR);
  expect(said).toContain(
    `Port ${SIMULATOR_PORT} is in use, so the simulated providers are at ${simulator}: `,
  );
}, 60_000);
