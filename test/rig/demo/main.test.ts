import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const DEMO = fileURLToPath(new URL('../../../rig/demo/main.ts', import.meta.url));

/** Starts the demo in a folder of its own. */
async function startDemo(...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-demo-'));
  const { PATH, HOME, REDIS_URL } = process.env;
  const loader = import.meta.resolve('tsx');
  const child = spawn(process.execPath, ['--import', loader, DEMO, ...args], {
    cwd: folder,
    env: { PATH, HOME, REDIS_URL },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  return { child, ended, folder };
}

/** Runs it to its end. */
async function runDemo(...args: string[]) {
  const { child, ended, folder } = await startDemo(...args);
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code: child.exitCode, said, complained, folder };
}

test('the plain demo shows a webhook, a poll and a refusal, and each ends as expected', async () => {
  const { code, said, folder } = await runDemo();
  expect(said).toMatch(/fitinview .* completed +by webhook\n/);
  expect(said).toMatch(/fashn .* completed +by poll \d+\n/);
  expect(said).toMatch(/fashn .* failed +by webhook, checked: content_policy\n/);
  expect(said).toContain('3 of 3 ended as expected');
  // The board ends with the demo: a link to it would be dead.
  expect(said).not.toMatch(/Bull Board|http:/);
  expect(await readdir(join(folder, '.catwalk/demo'))).toEqual(['fashn-2.png', 'fitinview-1.png']);
  expect(code).toBe(0);
}, 90_000);

test('a demo that stays prints where Bull Board is, which answers until it is stopped', async () => {
  const { child, ended } = await startDemo('--stay', '--count', '1', '--provider', 'fitinview');
  let board: RegExpExecArray | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    board ??= /Bull Board: (http:\S+) {2}\((\S+) \/ (\S+)\)/.exec(line);
    if (line.includes('staying until Ctrl-C')) break;
  }
  const [, url = '', user, password] = board ?? [];
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  expect((await fetch(url, { headers: { authorization } })).status).toBe(200);
  child.kill('SIGINT');
  await ended;
  expect(child.exitCode).toBe(0);
}, 90_000);

test('an account without credit ends the demo at once: what is held is shown, and expected', async () => {
  const { code, said } = await runDemo('--count', '4', '--scenario', 'out-of-credit');
  expect(said).toContain('expected of out-of-credit: held');
  expect(said).toMatch(/queued +on hold: out_of_credit, until \d\d:\d\d:\d\d/);
  expect(said).toContain('4 on hold: the account has no credit');
  expect(said).toContain('4 of 4 ended as expected');
  expect(code).toBe(0);
}, 90_000);

test('a scenario that does not exist is wrong usage, and those that do are named', async () => {
  const { code, complained } = await runDemo('--scenario', 'nonsense');
  expect(complained).toMatch(/^--scenario: Unknown scenario "nonsense"\. Known: ok, slow, /);
  expect(code).toBe(2);
}, 90_000);
