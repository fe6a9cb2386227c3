import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProgram } from '../../support/programs.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Starts the demo in a folder of its own. */
async function startDemo(...args: string[]) {
  const cwd = await temporaryFolder();
  const { HOME, REDIS_URL } = process.env;
  return { cwd, ...startProgram('rig/demo/main', { args, cwd, env: { HOME, REDIS_URL } }) };
}

/** Runs it to its end; its streams as texts. */
async function runDemo(...args: string[]) {
  const { cwd, finished } = await startDemo(...args);
  const { code, said, complained } = await finished;
  return { code, said: `${said.join('\n')}\n`, complained: complained.join('\n'), folder: cwd };
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
  const demo = await startDemo('--stay', '--count', '1', '--provider', 'fitinview');
  const board = demo.line(/Bull Board: (http:\S+) {2}\((\S+) \/ (\S+)\)/);
  await demo.line(/staying until Ctrl-C/);
  const [, url = '', user, password] = await board;
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  expect((await fetch(url, { headers: { authorization } })).status).toBe(200);
  process.kill(demo.pid, 'SIGINT');
  expect(await demo.ended).toBe(0);
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
