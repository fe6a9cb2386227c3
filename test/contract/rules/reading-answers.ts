import { expect } from 'vitest';
import type { Observation } from '../../../src/generation/events.ts';
import type { Outcome } from '../../../src/generation/generation.ts';
import { meaningOf, told } from '../meaning.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { openWorld, taskSample } from '../world.ts';

/** Answers that say more, less or other things than usual: each fixture lists those of its provider. */
export const readingAnswers: readonly Rule[] = [
  ruleUnless(({ submitAnswers }) => !submitAnswers && 'its answers have one shape')(
    'every answer to a submission is read for what it says',
    async (fixture) => {
      const world = await openWorld(fixture);
      for (const row of fixture.submitAnswers ?? []) {
        const sample = fixture.samples.find(({ model }) => model === row.model);
        const request = await world.prepared(world.request(sample ?? taskSample(fixture)));
        world.answer({ submit: row.answer });
        const call = world.adapter.submit(request);
        const means = await meaningOf(call);
        expect(means, row.name).toMatchObject(
          row.means.is === 'accepted' ? row.means : told(row.means),
        );
        if ('retryAfterMs' in row.means && means.is === 'Retryable') {
          expect(means.retryAfterMs, row.name).toBe(row.means.retryAfterMs);
        }
        const { answer, text } = await spoken(call);
        if (row.task) expect(answer?.task, row.name).toEqual(row.task);
        expectLinks(answer?.outcome, row);
        if (row.says) expect(text, row.name).toContain(row.says);
      }
    },
  ),

  ruleUnless(({ checkAnswers }) => !checkAnswers && 'its answers have one shape')(
    'every answer to a check is read for what it says',
    async (fixture) => {
      const world = await openWorld(fixture);
      const task = await world.begin();
      for (const row of fixture.checkAnswers ?? []) {
        world.answer(row.answers);
        const call = world.check(task, row.model);
        expect(await meaningOf(call), row.name).toMatchObject(told(row.means));
        const { answer, text } = await spoken(call);
        if (answer?.kind === 'final') expectLinks(answer.outcome, row);
        if (row.says) expect(text, row.name).toContain(row.says);
      }
    },
  ),

  rule('a verdict passes on what the provider says of it', async (fixture) => {
    const world = await openWorld(fixture);
    const task = await world.begin();
    const request = await world.prepared(world.request(taskSample(fixture)));
    for (const { name, answers } of fixture.failures) {
      if (!SAYS_WHY.test(JSON.stringify(answers))) continue;
      world.answer(answers);
      expect((await spoken(world.check(task))).text, name).toContain('why');
    }
    for (const { name, answers, means } of fixture.submitErrors) {
      if (means.is !== 'Terminal' || !SAYS_WHY.test(JSON.stringify(answers))) continue;
      world.answer(answers);
      expect((await spoken(world.adapter.submit(request))).text, name).toContain('why');
    }
  }),
];

/** The sentence of every fixture's failures. */
const SAYS_WHY = /:"why"/;

/** What a call came to, and everything that an app could read of it. */
async function spoken<T extends Observation | { outcome?: Outcome | undefined }>(call: Promise<T>) {
  try {
    const answer = await call;
    return { answer, text: JSON.stringify(answer) };
  } catch (error) {
    return { answer: undefined, text: String(error) };
  }
}

function expectLinks(
  outcome: Outcome | undefined,
  row: { readonly name: string; readonly links?: readonly string[] },
): void {
  if (!row.links) return;
  const results = row.links.map((url) => ({ kind: 'file', url }));
  expect(outcome, row.name).toEqual({ verdict: 'completed', results });
}
