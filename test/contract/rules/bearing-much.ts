import { expect } from 'vitest';
import type { Answers, Fixture } from '../fixture.ts';
import { meaningOf } from '../meaning.ts';
import { type Rule, rule } from '../rule.ts';
import { openWorld, taskSample } from '../world.ts';
import { answersOf } from './asking.ts';

/** So long that its square is minutes, and it itself a few milliseconds. */
const LENGTH = 250_000;
const repeated = (text: string) => text.repeat(LENGTH / text.length);

/** Each is what a careless pattern takes the square of its length for. */
const TEXTS = [
  `A${' '.repeat(LENGTH)}!`,
  repeated('image '),
  repeated('load'),
  repeated('time'),
  repeated('1.11 '),
  `data:${repeated('a/')}`,
  `https://${repeated('a.')}`,
];

/**
 * Of the processor's time, so that a busy machine changes nothing; sending and parsing the text are
 * in it. What grows with the square takes half a minute and more.
 */
const MOST_CPU_MS = 200;

/** Whoever writes the text decides its length: it must not decide how long the process stands still. */
export const bearingMuch: readonly Rule[] = [
  rule('a quarter of a megabyte in any field of an answer costs no time', async (fixture) => {
    const ends = [fixture.failures.at(0), fixture.failures.at(-1)].flatMap((one) => one ?? []);
    const answers = [
      ...ends.map((one) => one.answers),
      ...fixture.results.map((f) => answersOf(f)),
    ];
    const cpuMsOf = await stopwatch(fixture);
    for (const text of TEXTS) {
      for (const swollen of answers.flatMap((one) => swellings(one, text))) {
        expect(await cpuMsOf('check', swollen)).toBeLessThan(MOST_CPU_MS);
      }
    }
  }),

  rule('a quarter of a megabyte in a refusal costs no time', async (fixture) => {
    const final = fixture.submitErrors.filter(({ means }) => means.is === 'Terminal').slice(0, 1);
    const late = fixture.submitErrors.filter(({ answers }) => answers.submit?.status === 429);
    const cpuMsOf = await stopwatch(fixture);
    for (const text of TEXTS) {
      for (const { answers } of [...final, ...late.slice(0, 1)]) {
        const body = { message: text, detail: text, error: text, code: text };
        const all = { submit: { status: answers.submit?.status ?? 400, body } };
        for (const swollen of [...swellings(answers, text), all]) {
          expect(await cpuMsOf('submit', swollen)).toBeLessThan(MOST_CPU_MS);
        }
      }
    }
  }),

  rule(
    'nesting without an end in any field of an answer is bad trouble, not a crash',
    async (fixture) => {
      for (const answers of fixture.results.map((found) => answersOf(found))) {
        for (const deep of nestings(answers)) {
          const world = await openWorld(fixture);
          const request = await world.prepared(world.request(taskSample(fixture)));
          const task = await world.begin();
          world.answer(deep);
          // Throws whatever is no error of ours, such as an overflow of the stack.
          const means = [
            await meaningOf(world.check(task)),
            await meaningOf(world.adapter.submit(request)),
          ];
          expect(means).not.toContainEqual({ is: 'completed' });
        }
      }
    },
  ),
];

/** More than the stack bears, of whatever goes down one call per level. */
const NESTED = '['.repeat(20_000) + ']'.repeat(20_000);

/** The answers once for each text in them, with nesting in its place. */
function nestings(answers: Answers): Answers[] {
  return Object.entries(answers).flatMap(([exchange, answer]) =>
    textsIn(answer, []).map((path) => {
      const { body, ...rest } = replacedAt(answer, path, 'DEEP') as { body?: unknown }; // only a text is another
      return { [exchange]: { ...rest, body: JSON.stringify(body).replace('"DEEP"', NESTED) } };
    }),
  );
}

/** The better of two: the first may pay for the machine's other work, such as compiling. */
async function stopwatch(fixture: Fixture) {
  const world = await openWorld(fixture, { maxBodyBytes: 20_000_000 });
  const request = await world.prepared(world.request(taskSample(fixture)));
  const task = await world.begin();
  return async (call: 'check' | 'submit', answers: Answers): Promise<number> => {
    world.answer(answers);
    let best = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 2 && best >= MOST_CPU_MS; tries++) {
      const before = process.cpuUsage();
      await meaningOf(call === 'check' ? world.check(task) : world.adapter.submit(request));
      const { user } = process.cpuUsage(before);
      best = Math.min(best, user / 1_000);
    }
    return best;
  };
}

/** The answers once for each text in them, with that one swollen. */
function swellings(answers: Answers, text: string): Answers[] {
  const paths = textsIn(answers, []);
  return paths.map((path) => replacedAt(answers, path, text) as Answers); // only a text is another
}

function textsIn(value: unknown, path: readonly string[]): (readonly string[])[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
  const inside = Object.entries(value).filter(([key]) => key !== 'headers');
  return inside.flatMap(([key, inner]) => textsIn(inner, [...path, key]));
}

function replacedAt(value: unknown, path: readonly string[], text: string): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return text;
  if (Array.isArray(value)) {
    return value.map((inner, n) => (String(n) === key ? replacedAt(inner, rest, text) : inner));
  }
  const inside = new Map(Object.entries(value as object)); // a path leads through objects
  inside.set(key, replacedAt(inside.get(key), rest, text));
  return Object.fromEntries(inside);
}
