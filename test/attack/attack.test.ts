import { describe, expect, type TestContext, test } from 'vitest';
import { z } from 'zod';
import { FAMILY_NAMES } from '../../attack/families/catalogue.ts';
import { startProgram } from '../support/programs.ts';

/** Stalled requests alone take 15 s; the rest is for a busy machine. */
const DEADLINE_MS = 150_000;
const TEST_MS = 170_000;

const Row = z.object({
  family: z.string(),
  tried: z.number(),
  wronglyAccepted: z.number(),
  answered5xx: z.number(),
  hung: z.number(),
  otherwise: z.number(),
  crashed: z.number(),
  failures: z.array(z.unknown()),
});
type Row = z.infer<typeof Row>;
const Figures = z
  .object({ isKept: z.boolean(), totals: Row.partial(), rows: z.array(Row) })
  .catchall(z.unknown());

/** Runs the suite as `npm run attack` does, and reads what it prints. */
async function runAttack({ onTestFinished }: TestContext, ...flags: string[]) {
  const suite = startProgram('attack/main', {
    args: ['--seed', '1', '--json', ...flags],
    onFinished: onTestFinished,
  });
  // It stops everything that it has started.
  const deadline = setTimeout(() => suite.stop(), DEADLINE_MS);
  const { code: exitCode, said, complained } = await suite.finished;
  clearTimeout(deadline);
  if (said.length === 0) throw new Error(`It printed no figures:\n${complained.join('\n')}`);
  return { exitCode, figures: Figures.parse(JSON.parse(said.join('\n'))) };
}

describe.concurrent('some 1,500 attempts of every kind', () => {
  test(
    'nothing is let in, broken, held up or killed, and every real generation completes once',
    async (context) => {
      const { exitCode, figures } = await runAttack(
        context,
        ...['--attempts', '1200', '--quiet-seconds', '2'],
      );
      const wrong = ({ wronglyAccepted, answered5xx, hung, otherwise, crashed }: Row): number =>
        wronglyAccepted + answered5xx + hung + otherwise + crashed;
      expect(figures.rows.filter((row) => wrong(row) > 0)).toEqual([]);
      expect(figures.rows.map(({ family }) => family).sort()).toEqual([...FAMILY_NAMES].sort());
      expect(figures['broken']).toEqual([]);
      expect(figures.totals.tried).toBeGreaterThanOrEqual(1_200);
      expect(exitCode).toBe(0);
    },
    TEST_MS,
  );

  test(
    'the same attempts find what is wrong with a careless receiver',
    async (context) => {
      const { exitCode, figures } = await runAttack(context, '--attempts', '600', '--naive');
      const row = (name: string) => figures.rows.find(({ family }) => family === name);
      expect(exitCode).toBe(1);
      expect(row('signatures')?.wronglyAccepted).toBeGreaterThan(0);
      expect(row('encodings')?.wronglyAccepted).toBeGreaterThan(0);
      expect(row('bodies')?.answered5xx).toBeGreaterThan(0);
      expect(row('brotli')?.crashed).toBeGreaterThan(0);
      expect(row('stalls')?.hung).toBeGreaterThan(0);
    },
    TEST_MS,
  );
});
