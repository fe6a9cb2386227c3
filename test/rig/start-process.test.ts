import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type ProcessOptions, startProcess } from '../../rig/start-process.ts';
import { superviseProcess } from '../../rig/supervise-process.ts';
import { startProgram } from '../support/programs.ts';
import { until } from '../support/until.ts';

const OBEYS = 'test/rig/fixtures/obeys';

function start(what: string, options: ProcessOptions = {}) {
  const child = startProcess(OBEYS, { args: [what], ...options });
  onTestFinished(child.kill);
  return child;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a process that ends by itself fails with its exit code and last words', async () => {
  const child = start('fail');
  await expect(child.failed).rejects.toThrow(/by itself \(3\):\nno cheese left$/);
  await expect(child.line(/ready/)).rejects.toThrow('no cheese left');
  expect(await child.ended).toBe(3);
});

test('a process that is stopped does not fail, and need not be forced', async () => {
  const child = start('wait');
  await child.line(/^ready$/);
  expect(await child.stop()).toBe(false);
  const failed = child.failed.catch(() => 'failed');
  expect(await Promise.race([failed, Promise.resolve('not failed')])).toBe('not failed');
});

test('a process ends with the one that started it, also when that is killed', async () => {
  const outer = startProgram(OBEYS, { args: ['start'] });
  const [, pid] = await outer.line(/^started (\d+)$/);
  expect(isRunning(Number(pid))).toBe(true);
  await outer.kill();
  await until('the inner one is gone', () => !isRunning(Number(pid)));
});

test('a process answers messages when it is to exchange some', async () => {
  const child = start('wait', { messages: true });
  await child.line(/^ready$/);
  const answer = z.object({ heard: z.object({ number: z.number() }) });
  expect(await child.ask({ number: 7 }, answer)).toEqual({ heard: { number: 7 } });
});

test('a supervised process is started again when it dies, and each death is counted', async () => {
  const pids: number[] = [];
  const supervised = superviseProcess(OBEYS, {
    args: ['wait'],
    onStart: ({ pid }) => pids.push(pid),
  });
  onTestFinished(supervised.stop);
  supervised.start();
  supervised.start();
  expect(pids).toHaveLength(1);
  process.kill(pids[0] ?? 0, 'SIGKILL');
  await until('it is started again', () => pids.length === 2);
  expect(supervised.endedByItself).toBe(1);
  await supervised.end('kill');
  expect(supervised.child).toBeUndefined();
  await supervised.stop();
  supervised.start();
  expect(pids).toHaveLength(2);
  expect(supervised.endedByItself).toBe(1);
});
