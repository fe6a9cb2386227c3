import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { casesFor } from '../../bench/fairness/cases.ts';
import { compare, type Served } from '../../bench/fairness/compare.ts';
import { type Arrival, idealService } from '../../bench/fairness/ideal.ts';
import { makeTenants, planLoad } from '../../bench/fairness/load.ts';
import { busyMs } from '../../bench/fairness/measure.ts';

const EQUAL = new Map<string, number>();

/** So many requests of one tenant, all at once. */
const atOnce = (tenant: string, count: number, atMs = 0): Arrival[] =>
  Array.from({ length: count }, () => ({ tenant, atMs }));

/** How many of each tenant's are served by then. */
function servedBy(
  arrivals: readonly Arrival[],
  untilMs: number,
  weights: ReadonlyMap<string, number> = EQUAL,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [n, at] of idealService(arrivals, { perSecond: 10, weights, untilMs }).entries()) {
    const tenant = arrivals[n]?.tenant ?? '';
    if (at !== undefined) counts[tenant] = (counts[tenant] ?? 0) + 1;
  }
  return counts;
}

describe('the ideal', () => {
  test('divides equally among those who ask for too much', () => {
    const arrivals = [...atOnce('a', 1_000), ...atOnce('b', 100)];
    expect(servedBy(arrivals, 10_000)).toEqual({ a: 50, b: 50 });
  });

  test('divides by the weights', () => {
    const arrivals = [...atOnce('a', 1_000), ...atOnce('b', 1_000)];
    expect(servedBy(arrivals, 10_000, new Map([['b', 3]]))).toEqual({ a: 25, b: 75 });
  });

  test('gives what one does not use to the others, and nobody more than was asked for', () => {
    const arrivals = [...atOnce('a', 1_000), ...atOnce('b', 1_000), ...atOnce('c', 10)];
    expect(servedBy(arrivals, 10_000)).toEqual({ a: 45, b: 45, c: 10 });
  });

  test('serves one who had nothing waiting from then on, not for the time before', () => {
    const arrivals = [...atOnce('a', 1_000), ...atOnce('b', 1_000, 5_000)];
    expect(servedBy(arrivals, 10_000)).toEqual({ a: 75, b: 25 });
  });

  test('keeps the order within a tenant, serves nothing early and never more than there is', () => {
    const arrival = fc.record({
      tenant: fc.constantFrom('a', 'b', 'c'),
      atMs: fc.integer({ min: 0, max: 4_000 }),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 80 }), (unsorted) => {
        const arrivals = unsorted.toSorted((a, b) => a.atMs - b.atMs);
        const weights = new Map([['c', 2]]);
        const served = idealService(arrivals, { perSecond: 10, weights, untilMs: 20_000 });
        // All are served in the end, at ten a second from when the last of them came.
        expect(served.every((at) => at !== undefined)).toBe(true);
        for (const tenant of ['a', 'b', 'c']) {
          const own = served.filter((_, n) => arrivals[n]?.tenant === tenant);
          expect(own).toEqual(own.toSorted((a, b) => Number(a) - Number(b)));
        }
        for (const [n, at] of served.entries()) {
          expect(at).toBeGreaterThanOrEqual(arrivals[n]?.atMs ?? 0);
          const soFar = served.filter((other) => Number(other) <= Number(at)).length;
          expect(soFar).toBeLessThanOrEqual((Number(at) / 1000) * 10 + 1);
        }
      }),
    );
  });
});

describe('the comparison', () => {
  const TENANTS = makeTenants(2, false);
  const window = { fromMs: 0, untilMs: 10_000 };
  /** Twenty requests of each at the start, sent one every half a second in this order. */
  const served = (order: readonly string[]): Served[] => {
    const all = [...atOnce('t01', 20), ...atOnce('t02', 20)].map((one) => ({ ...one }));
    const waiting = new Map(
      TENANTS.map(({ name }) => [name, all.filter((one) => one.tenant === name)]),
    );
    const sentAt = new Map(
      order.map((tenant, n) => [waiting.get(tenant)?.shift(), n * 500 + 250] as const),
    );
    return all.map((one) => ({ ...one, sentAtMs: sentAt.get(one) }));
  };

  test('finds nothing wrong with turns', () => {
    const order = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 't01' : 't02'));
    const found = compare(served(order), TENANTS, window);
    expect(found).toMatchObject({ sent: 20, largestDeviation: 0 });
    expect(found.tenants).toMatchObject([
      { tenant: 't01', asked: 20, sent: 10, idealSent: 10 },
      { tenant: 't02', asked: 20, sent: 10, idealSent: 10 },
    ]);
    const [first] = found.tenants;
    expect(Math.abs((first?.waitMs ?? 0) - (first?.idealWaitMs ?? 0))).toBeLessThan(1_000);
  });

  test('sees one who is served before another, but for one turn', () => {
    const order = Array.from({ length: 20 }, () => 't01');
    const found = compare(served(order), TENANTS, window);
    expect(found.largestDeviation).toBeCloseTo(0.9);
    expect(found.tenants[1]?.waitMs).toBeNaN();
    const weighted = TENANTS.map((tenant) => ({ ...tenant, weight: 3 }));
    expect(compare(served(order), weighted, window).largestDeviation).toBeCloseTo(0.7);
  });

  test('a place is taken from the submission to the end, within the window', () => {
    const submitted: [string, number][] = [
      ['before', -500],
      ['within', 1_000],
      ['after', 9_500],
      ['never', 11_000],
    ];
    const done: [string, number][] = [
      ['before', 500],
      ['within', 2_000],
    ];
    expect(busyMs({ submitted, done }, window)).toBe(500 + 1_000 + 500);
  });
});

describe('the load', () => {
  test.each([2, 10, 50])(
    'of %i tenants is 60 % the first one’s and more than can be served',
    (n) => {
      const tenants = makeTenants(n, true);
      const load = planLoad(tenants, { perSecond: 50, seconds: 30, seed: 1 });
      const own = load.filter(({ tenant }) => tenant === 't01').length;
      expect(own / load.length).toBeCloseTo(0.6, 1);
      expect(load.length / (50 * 30)).toBeCloseTo(2.5, 1);
      expect(new Set(load.map(({ tenant }) => tenant)).size).toBe(n);
      expect(load).toEqual(load.toSorted((a, b) => a.atMs - b.atMs));
      expect(load).toEqual(planLoad(tenants, { perSecond: 50, seconds: 30, seed: 1 }));
    },
  );

  test('meets a limit of the rate with equal tenants, and one of what runs with weights', () => {
    const [rate, running] = casesFor(10, 30);
    expect(rate?.limits.running).toBeUndefined();
    expect(new Set(rate?.tenants.map(({ weight }) => weight))).toEqual(new Set([1]));
    expect(running?.limits.running).toBe(10);
    expect(new Set(running?.tenants.map(({ weight }) => weight))).toEqual(new Set([1, 2, 3]));
  });
});
