import { expect, test } from 'vitest';
import atelier from '../../chaos/atelier/adapter.ts';
import { CHAOS_PROVIDERS, KNOWN_PROVIDERS, repeatSubmitOf } from '../../chaos/catalogue.ts';
import { makePlan } from '../../chaos/plan.ts';
import { isNoisy } from '../../chaos/tenants.ts';
import { PROVIDER_FACTORIES } from '../../src/providers/registry.ts';

const options = { seed: 1, generations: 5_000, ratePerSecond: 30, providers: CHAOS_PROVIDERS };
const listed = (seed: number) => {
  const { requests, faults, mischief } = makePlan({ ...options, seed });
  return { requests, faults, mischiefs: Array.from({ length: 500 }, (_, n) => mischief(n)) };
};

test('the same seed plans the same faults, and another seed others', () => {
  expect(listed(1)).toEqual(listed(1));
  const [one, two] = [listed(1), listed(2)];
  expect(one.requests).not.toEqual(two.requests);
  expect(one.faults).not.toEqual(two.faults);
  expect(one.mischiefs).not.toEqual(two.mischiefs);
});

test('every fault, scenario and mischief is met', () => {
  const { requests, faults, mischiefs } = listed(1);
  expect(new Set(faults.map(({ kind }) => kind)).size).toBe(10);
  expect(new Set(mischiefs.map(({ kind }) => kind)).size).toBe(5);
  expect(new Set(requests.map(({ scenario }) => scenario)).size).toBe(19);
  for (const provider of CHAOS_PROVIDERS) {
    expect(requests.some((request) => request.provider === provider)).toBe(true);
  }
});

test('a third of all requests are the noisy tenant’s, and come a hundred in two seconds', () => {
  const { requests } = listed(1);
  const noisy = requests.filter(({ tenant }) => isNoisy(tenant));
  expect(noisy.length / requests.length).toBeCloseTo(1 / 3, 1);
  const full = noisy.length - (noisy.length % 100);
  for (let first = 0; first < full; first += 100) {
    const [start, end] = [noisy[first]?.atMs ?? 0, noisy[first + 99]?.atMs ?? 0];
    expect(end - start).toBeLessThan(2_000);
    if (first > 0) expect(start - (noisy[first - 1]?.atMs ?? 0)).toBeGreaterThan(2_000);
  }
  const quiet = requests.filter(({ tenant }) => !isNoisy(tenant));
  expect(new Set(quiet.map(({ tenant }) => tenant)).size).toBe(2);
  expect(new Set(quiet.map(({ atMs }) => atMs)).size).toBe(quiet.length);
  // Neither keeps to providers of its own.
  expect(new Set(noisy.map(({ provider }) => provider))).toEqual(new Set(CHAOS_PROVIDERS));
});

test('even the smallest run meets every fault once', () => {
  const { faults } = makePlan({ ...options, generations: 1 });
  expect(new Set(faults.map(({ kind }) => kind)).size).toBe(10);
});

test('whole providers are out of order, rarely one that recognises no repeat, in some run each', () => {
  const out = [1, 2, 3, 4, 5]
    .flatMap((seed) => listed(seed).faults)
    .filter((fault) => fault.kind === 'outage');
  const unsafe = out.filter(({ provider }) => repeatSubmitOf(provider) === 'none');
  expect(unsafe.length).toBeGreaterThan(0);
  expect(unsafe.length).toBeLessThan(out.length / 2);
});

test('every class of repeated submission is in the run', () => {
  const classes = new Set(CHAOS_PROVIDERS.map(repeatSubmitOf));
  expect(classes).toEqual(new Set(['idempotency-key', 'unique-reference', 'search', 'none']));
});

test('what the suite says of repeated submissions is what the adapters say', () => {
  for (const provider of KNOWN_PROVIDERS) {
    const create = provider === atelier.name ? atelier.create : PROVIDER_FACTORIES.get(provider);
    const adapter = create?.({
      apiKey: 'id:secret',
      baseUrl: 'http://127.0.0.1',
      webhookSecrets: [],
      http: unused,
      images: unused,
      files: unused,
    });
    expect(adapter?.repeatSubmit.kind, provider).toBe(repeatSubmitOf(provider));
  }
});

/** Building an adapter calls nothing. */
const unused = new Proxy({} as never, {
  get: () => {
    throw new Error('called');
  },
});
