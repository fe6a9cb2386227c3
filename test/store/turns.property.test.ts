import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Generation } from '../../src/generation/generation.ts';
import { createStore } from '../../src/store/store.ts';
import { createTurns } from '../../src/store/turns.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

const TENANTS = ['a', 'b', 'c'] as const;
const tenant = fc.constantFrom(...TENANTS);
const which = fc.nat(30);

/** What may happen, in any order; `which` chooses among those that it can happen to. */
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), tenant, which }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const), tenant, which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), tenant, which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), tenant, which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('enter' as const), tenant, which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('give back' as const), tenant, which }) },
  // Its job died with its process: nobody hears of the turn again.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gone' as const), tenant, which }) },
);

let providers = 0;

test('whatever happens, no cap is exceeded, and nobody waits who may have a free place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { maxLength: 60 }),
      fc.record({
        places: fc.integer({ min: 1, max: 5 }),
        window: fc.integer({ min: 20, max: 40 }),
      }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
      async (happenings, pace, ceilings) => {
        const { redis, keys } = testRedis;
        const provider = `property-${providers++}`;
        const clock = { now: NOW };
        const parts = {
          ...{ redis, keys, placesAt: () => pace.places, providers: [provider] },
          ...{ onTurns: async () => {}, now: () => clock.now },
        };
        const store = createStore({ ...parts, retentionMs: 60_000, matchedByTask: new Set() });
        const turns = createTurns({ ...parts, store });
        const shares = TENANTS.map((name, i) => [`${provider}/${name}`, `0 ${ceilings[i]}`]);
        await redis.hset(keys.shares, Object.fromEntries(shares));
        await turns.tend(provider, pace, 10_000);
        const known = new Map<string, Generation>();
        const save = async (next: Generation): Promise<void> => {
          const saved = await store.save(next);
          if (saved.saved) known.set(saved.generation.id, saved.generation);
        };
        const oneIn = (state: string, of: string, n: number): Generation | undefined => {
          const fit = [...known.values()].filter((g) => g.state === state && g.tenant === of);
          return fit[n % Math.max(fit.length, 1)];
        };

        for (const { kind, tenant: of, which: n } of happenings) {
          clock.now += 1_000;
          const queued = oneIn('queued', of, n);
          const running = oneIn('submitting', of, n);
          const common = { provider, tenant: of };
          if (kind === 'ask') {
            const record = newRecord({ ...common, createdAt: clock.now });
            await store.create(record);
            known.set(record.id, record);
          } else if (kind === 'send' && queued) {
            const { id, version } = queued;
            await save({ ...RECORDS.submitting, ...common, id, version });
          } else if (kind === 'end' && (running ?? queued)) {
            const { id, version } = (running ?? queued) as Generation;
            await save({ ...RECORDS.completed, ...common, id, version });
          } else if (kind === 'hold' && queued?.state === 'queued') {
            await save({ ...queued, hold: { reason: 'unauthorized', until: clock.now + 500 } });
          } else if (kind === 'enter' && queued) await turns.enter(queued);
          else if (kind === 'give back' && queued) await turns.giveBack(queued);
          else if (kind === 'gone' && queued) {
            await redis.del(keys.record(queued.id));
            known.delete(queued.id);
          }
          await turns.heal(provider);
          await turns.tend(provider, pace, 10_000);

          const taken = await redis.zcard(keys.running(provider));
          expect(taken).toBeLessThanOrEqual(pace.places);
          for (const [i, name] of TENANTS.entries()) {
            const own = await redis.zcard(keys.busy(provider, name));
            expect(own).toBeLessThanOrEqual(ceilings[i] ?? 0);
            const waiting = await redis.zcard(keys.line(provider, name, 'interactive'));
            const mayHaveOne = taken < pace.places && own < (ceilings[i] ?? 0);
            expect(mayHaveOne && waiting > 0, `${name} waits`).toBe(false);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);
