import { describe, expect, test } from 'vitest';
import { readFairnessOptions } from '../../bench/fairness/options.ts';
import { readSharingOptions } from '../../bench/sharing/options.ts';
import { unchanged, waitAt, waitFigure, waitsOf } from '../../bench/sharing/waits.ts';
import {
  type Figure,
  figureAtMost,
  figuresJson,
  figuresTable,
  isKept,
} from '../../bench/tenants/promises.ts';
import { UsageError } from '../../rig/flags.ts';

const starts: [string, number][] = [
  ['a', 0],
  ['b', 10],
  ['c', 20],
  ['d', 30],
];
const figure = (value: number): Figure => ({
  ...{ name: 'wait', label: 'a wait', value, unit: 'ms', digits: 0 },
});

describe('a wait', () => {
  test('lasts from its start to the end of the same name', () => {
    const ends = new Map([
      ['a', 100],
      ['b', 210],
      ['c', 320],
      ['d', 430],
    ]);
    const waits = waitsOf(starts, ends, 1_000);
    expect(waits.map(({ ms }) => ms)).toEqual([100, 200, 300, 400]);
    expect(waitAt(waits, 0.5)).toEqual({ ms: 200, isOver: true });
    expect(waitAt(waits, 1)).toEqual({ ms: 400, isOver: true });
  });

  test('without an end is at least as long as it has lasted, and so is what may be longer', () => {
    const ends = new Map([
      ['a', 100],
      ['b', 210],
      ['c', 2_020],
    ]);
    const waits = waitsOf(starts, ends, 1_030);
    expect(waitAt(waits, 0.5)).toEqual({ ms: 200, isOver: true });
    expect(waitAt(waits, 0.75)).toEqual({ ms: 1_000, isOver: false });
    expect(waitAt(waits, 1)).toEqual({ ms: 2_000, isOver: false });
    expect(waitFigure('w', 'w', waitAt(waits, 1))).toMatchObject({ isAtLeast: true });
  });

  test('is unchanged within ten percent, and within what a machine does by itself', () => {
    const kept = (withIt: number, without: number) =>
      unchanged(figure(withIt), { ms: without, isOver: true }).promise?.isKept;
    expect(kept(1_100, 1_000)).toBe(true);
    expect(kept(1_101, 1_000)).toBe(false);
    expect(kept(25, 5)).toBe(true);
    expect(kept(26, 5)).toBe(false);
  });
});

describe('a promise', () => {
  test('is kept by a figure up to its bound, and by none that is missing', () => {
    expect(isKept([figureAtMost(figure(15), 15), figure(99)])).toBe(true);
    expect(isKept([figureAtMost(figure(16), 15)])).toBe(false);
    expect(isKept([figureAtMost(figure(Number.NaN), 15)])).toBe(false);
  });

  test('is broken by what is at least its bound', () => {
    expect(isKept([figureAtMost({ ...figure(15), isAtLeast: true }, 15)])).toBe(false);
  });

  test('is shown beside the figure, and named where it is broken', () => {
    const figures = [figureAtMost({ ...figure(16), isAtLeast: true }, 15), figure(Number.NaN)];
    const [, , first, second] = figuresTable(figures).split('\n');
    expect(first).toMatch(/^a wait +> 16 +ms +<= 15 +BROKEN$/);
    expect(second).toMatch(/^a wait +n\/a +ms$/);
    expect(figuresJson(figures.slice(0, 1))).toEqual({
      figures: { wait: { value: 16, isAtLeast: true } },
      broken: ['wait'],
    });
  });
});

describe('the options', () => {
  test('have usual values, and take lists', () => {
    expect(readFairnessOptions([])).toMatchObject({
      tenants: [2, 10, 50],
      seconds: 30,
      cost: true,
    });
    expect(readFairnessOptions(['--tenants', '3', '--no-cost'])).toMatchObject({
      tenants: [3],
      cost: false,
    });
    expect(readSharingOptions(['--waiting', '2000,5000', '--only', 'flood,polls'])).toMatchObject({
      parts: ['polls', 'flood'],
      waiting: [2_000, 5_000],
    });
  });

  test.each([
    () => readFairnessOptions(['--tenants', '1']),
    () => readFairnessOptions(['--tenants', '2,many']),
    () => readSharingOptions(['--only', 'polls,weather']),
    () => readSharingOptions(['--silent', '0']),
  ])('refuse what cannot be measured: %s', (read) => {
    expect(read).toThrow(UsageError);
  });
});
