import { expect } from 'vitest';
import { type Answers, type Exchange, type Fixture, LINK, type ResultForm } from '../fixture.ts';
import { meaningOf } from '../meaning.ts';
import { openWorld, type Script, type WorldOptions } from '../world.ts';

/** How the rules ask about a task, and what is answered. */

export const PICTURE = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

export async function checkMeans(
  fixture: Fixture,
  script: Script | Answers,
  options: WorldOptions = {},
  model?: string,
) {
  const world = await openWorld(fixture, options);
  const task = await world.begin();
  world.answer(script);
  return meaningOf(world.check(task, model));
}

export async function completed(fixture: Fixture, form: ResultForm, n: number) {
  const world = await openWorld(fixture);
  const task = await world.begin();
  world.answer(answersOf(form, n));
  const seen = await world.check(task, form.model);
  if (seen.kind !== 'final') throw new Error(`A finished task was seen as ${seen.kind}`);
  return { world, task, seen, outcome: seen.outcome };
}

export function answersOf(form: ResultForm, n = 1): Answers {
  if (form.kind === 'url') return form.answers(linksOf(n));
  return form.kind === 'bytes' ? form.answers(PICTURE) : form.answers();
}

function linksOf(n: number): string[] {
  return Array.from({ length: n }, (_, index) => `${LINK}?n=${index}&sig=a%2Fb`);
}

export function expectedResults(form: ResultForm, n: number): unknown[] {
  if (form.kind === 'url') return linksOf(n).map((url) => ({ kind: 'file', url }));
  if (form.kind === 'data') return form.data.map((data) => ({ kind: 'data', data }));
  return [
    expect.objectContaining({ kind: 'file', url: expect.stringMatching(/^https:.*\/files\//) }),
  ];
}

/** The exchanges of which a check of a finished task is made. */
export function readsOf(fixture: Fixture): Exchange[] {
  const answers = answersOf(fixture.results[0]);
  return answers.result ? ['check', 'result'] : ['check'];
}

/** A finished task's answers, with one of them replaced. */
export function withOne(fixture: Fixture, exchange: Exchange, by: Script[Exchange]): Script {
  return { ...answersOf(fixture.results[0]), [exchange]: by };
}
