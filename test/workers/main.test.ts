import { expect, test } from 'vitest';
import { namespaceIn, redisUrl, SECRET } from '../http/setup.ts';
import { startProgram } from '../support/programs.ts';
import { expectSilentAtStandstill } from '../support/standstill.ts';

/** A worker process, as an operator starts it, with what it has logged until it was ready. */
async function startWorker(env: Readonly<Record<string, string>>) {
  const namespace = `test-${process.pid}-${Date.now()}`;
  await namespaceIn(redisUrl(), namespace);
  const child = startProgram('src/workers/main', {
    env: { REDIS_URL: redisUrl(), REDIS_NAMESPACE: namespace, CATWALK_SECRET: SECRET, ...env },
  });
  const [, health] = await child.line(/"health":"(http:[^"]+)","msg":"worker started"/);
  return {
    child,
    health,
    warnings: child.said.filter((line) => line.includes('PUBLIC_URL is unset')),
  };
}

const SEGMIND = { SEGMIND_API_KEY: 'key-of-segmind' };
const FASHN = { FASHN_API_KEY: 'key-of-fashn' };
const PUBLIC = { PUBLIC_URL: 'https://catwalk.example.com' };

test('a worker without a public address warns where results may become files of ours', async () => {
  const { warnings } = await startWorker({ ...SEGMIND, ...FASHN });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('"providers":["segmind"]');
});

test.each([{ ...SEGMIND, ...PUBLIC }, FASHN])(
  'a worker whose links to files are right or never made does not warn',
  async (env) => {
    expect((await startWorker(env)).warnings).toEqual([]);
  },
);

test('a worker that stands still does not answer /livez at all', async () => {
  const { child, health } = await startWorker(FASHN);
  await expectSilentAtStandstill(child.pid, health ?? '');
});
