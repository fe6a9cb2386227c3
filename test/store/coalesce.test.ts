import { expect, test } from 'vitest';
import { coalesce } from '../../src/store/coalesce.ts';

/** Doubles each item, and remembers the batches it was asked for. */
function setup(most?: number) {
  const batches: number[][] = [];
  const double = coalesce(async (items: number[]) => {
    batches.push(items);
    return items.map((item) => item * 2);
  }, most);
  return { batches, double };
}

test('the calls of one turn share one flush, and each gets its own result', async () => {
  const { batches, double } = setup();
  expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6]);
  expect(batches).toEqual([[1, 2, 3]]);
});

test('calls made by promises of the same turn travel along', async () => {
  const { batches, double } = setup();
  const later = Promise.resolve().then(() => double(2));
  expect(await Promise.all([double(1), later])).toEqual([2, 4]);
  expect(batches).toEqual([[1, 2]]);
});

test('a call in a later turn is a flush of its own', async () => {
  const { batches, double } = setup();
  await double(1);
  await double(2);
  expect(batches).toEqual([[1], [2]]);
});

test('a flood is cut into batches of at most so many', async () => {
  const { batches, double } = setup(2);
  expect(await Promise.all([1, 2, 3, 4, 5].map(double))).toEqual([2, 4, 6, 8, 10]);
  expect(batches).toEqual([[1, 2], [3, 4], [5]]);
});

test('a call made while a flush runs does not wait for it', async () => {
  const releases: (() => void)[] = [];
  const echo = coalesce(async (items: string[]) => {
    if (items.includes('slow')) await new Promise<void>((resolve) => releases.push(resolve));
    return items;
  });
  const slow = echo('slow');
  await new Promise((resolve) => setImmediate(resolve));
  expect(await echo('quick')).toBe('quick');
  for (const release of releases) release();
  expect(await slow).toBe('slow');
});

test('a flush that fails rejects the calls of its own batch only', async () => {
  const broken = new Error('broken');
  const call = coalesce(async (items: number[]) => {
    if (items.includes(1)) throw broken;
    return items;
  }, 2);
  const results = await Promise.allSettled([1, 2, 3].map(call));
  expect(results).toEqual([
    { status: 'rejected', reason: broken },
    { status: 'rejected', reason: broken },
    { status: 'fulfilled', value: 3 },
  ]);
  expect(await call(4)).toBe(4);
});

test('a flush that throws before it is a promise rejects its calls as well', async () => {
  const call = coalesce((_items: number[]): Promise<number[]> => {
    throw new Error('at once');
  });
  await expect(call(1)).rejects.toThrow('at once');
});

test('a flush that answers too few results rejects instead of mixing them up', async () => {
  const call = coalesce(async (items: number[]) => items.slice(1));
  const results = await Promise.allSettled([call(1), call(2)]);
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
});

test('undefined is a result like any other', async () => {
  const call = coalesce(async (items: number[]) => items.map(() => undefined));
  expect(await call(1)).toBeUndefined();
});
