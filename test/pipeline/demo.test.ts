import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/until.ts';

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Runs the demo as the README says, but that its pictures land in a folder of its own. */
async function startDemo(args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-demo-'));
  // Without REDIS_URL it starts its own; without a provider's key the providers are simulated.
  const { PATH, HOME } = process.env;
  const loader = import.meta.resolve('tsx');
  const child = spawn(process.execPath, ['--import', loader, file('rig/demo/main.ts'), ...args], {
    cwd: folder,
    env: { PATH, HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const ended = once(child, 'close').then(() => child.exitCode);
  onTestFinished(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const line = (shape: RegExp) =>
    until(
      `the demo prints ${shape}`,
      () => {
        if (child.exitCode !== null) throw new Error(`The demo ended:\n${lines.join('\n')}`);
        return lines.map((text) => shape.exec(text)).find((found) => found !== null);
      },
      60_000,
    );
  return { line, lines, ended };
}

test('the demo’s worker, killed in the middle of fifty generations, is replaced, and nothing is lost, paid twice or told twice', async () => {
  const demo = await startDemo(['--count', '50']);
  const [, pid] = await demo.line(/worker ready \(pid (\d+)\)/);
  await demo.line(/ [1-9]\d? of 50 final/);
  process.kill(Number(pid), 'SIGKILL');
  await demo.line(/died; starting another/);
  const code = await demo.ended;
  const output = demo.lines.join('\n');
  expect(output).toMatch(/50 of 50 final \(\d+ completed\), 50 told exactly once/);
  expect(output).toMatch(
    /fitinview's books: \d+ submissions paid for 25 generations, 0 of them twice/,
  );
  expect(output).toMatch(/fashn's books: \d+ submissions paid for 25 generations, 0 of them twice/);
  expect(code).toBe(0);
}, 120_000);
