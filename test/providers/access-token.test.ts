import { expect, test } from 'vitest';
import { type AccessToken, createAccessTokens } from '../../src/providers/access-token.ts';

/** Tokens `t1`, `t2`, … that live 100 s each; the test lets each request end. */
function setup() {
  let now = 0;
  let asked = 0;
  const waiting: ((answer: AccessToken | Error) => void)[] = [];
  const tokens = createAccessTokens({
    now: () => now,
    request: () => {
      asked += 1;
      return new Promise((resolve, reject) => {
        waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      });
    },
  });
  return {
    tokens,
    asked: () => asked,
    at: (ms: number) => {
      now = ms;
    },
    answer: (failure?: Error) =>
      waiting.shift()?.(failure ?? { value: `t${asked}`, expiresAt: now + 100_000 }),
  };
}

test('many callers at once cause one request, and later ones none', async () => {
  const { tokens, asked, answer } = setup();
  const callers = Array.from({ length: 20 }, () => tokens.current());
  answer();
  expect(new Set(await Promise.all(callers))).toEqual(new Set(['t1']));
  expect(await tokens.current()).toBe('t1');
  expect(asked()).toBe(1);
});

test('a token is replaced 30 s before its end, and not sooner', async () => {
  const { tokens, asked, at, answer } = setup();
  const first = tokens.current();
  answer();
  await first;
  at(69_999);
  expect(await tokens.current()).toBe('t1');
  at(70_000);
  const second = tokens.current();
  answer();
  expect(await second).toBe('t2');
  expect(asked()).toBe(2);
});

test('a refused token is replaced once, however many calls it was refused to', async () => {
  const { tokens, asked, answer } = setup();
  const first = tokens.current();
  answer();
  await first;
  const refused = Array.from({ length: 5 }, () => tokens.insteadOf('t1'));
  answer();
  expect(new Set(await Promise.all(refused))).toEqual(new Set(['t2']));
  // Its refusal came in late.
  expect(await tokens.insteadOf('t1')).toBe('t2');
  expect(asked()).toBe(2);
});

test('a failure reaches everybody who waited, and the next caller asks again', async () => {
  const { tokens, asked, answer } = setup();
  const callers = [tokens.current(), tokens.current()];
  answer(new Error('down'));
  const settled = await Promise.allSettled(callers);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const next = tokens.current();
  answer();
  expect(await next).toBe('t2');
  expect(asked()).toBe(2);
});
