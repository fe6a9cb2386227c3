import { expect, test } from 'vitest';
import { startProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('the demo’s worker, killed in the middle of fifty generations, is replaced, and nothing is lost, paid twice or notified twice', async () => {
  // Without REDIS_URL it starts its own; without a provider's key the providers are simulated.
  const { HOME } = process.env;
  const demo = startProgram('rig/demo/main', {
    ...{ args: ['--count', '50'], cwd: await temporaryFolder(), env: { HOME } },
  });
  const [, pid] = await demo.line(/worker ready \(pid (\d+)\)/);
  await demo.line(/ [1-9]\d? of 50 final/);
  process.kill(Number(pid), 'SIGKILL');
  await demo.line(/died; starting another/);
  const { code, said } = await demo.finished;
  const output = said.join('\n');
  expect(output).toMatch(/50 of 50 final \(\d+ completed\), 50 notified exactly once/);
  expect(output).toMatch(
    /fitinview's books: \d+ submissions paid for 25 generations, 0 of them twice/,
  );
  expect(output).toMatch(/fashn's books: \d+ submissions paid for 25 generations, 0 of them twice/);
  expect(code).toBe(0);
}, 120_000);
