import { expect, onTestFinished, test } from 'vitest';
import { newGenerationId } from '../../src/generation/ids.ts';
import type { InKeptState } from '../../src/generation/kept-result.ts';
import { createKeptLedger } from '../../src/store/kept-ledger.ts';
import { connectTestRedis } from '../support/redis.ts';

const NOW = 1_800_000_000_000;
const LEASE = { now: NOW, leaseMs: 1_000 };

const pendingUntil = (tryUntil: number): InKeptState<'pending'> => ({
  state: 'pending',
  url: 'https://cdn.example.com/1.png',
  since: NOW - 5,
  tryUntil,
});
const kept: InKeptState<'kept'> = {
  ...{ state: 'kept', place: 'results/AB/1', keptAt: NOW },
  ...{ sha256: 'abc', bytes: 5, contentType: 'image/png' },
};

function setup() {
  const { redis, keys, close } = connectTestRedis();
  onTestFinished(close);
  const ledger = createKeptLedger({ redis, keys });
  return {
    ledger,
    redis,
    keys,
    enter: async (tryUntils: readonly number[], waits = false, tenant = 'shop') => {
      const id = newGenerationId(NOW);
      const results = new Map(tryUntils.map((at, index) => [index, pendingUntil(at)]));
      await ledger.enter({ id, tenant, until: NOW + 1e6, waits, results });
      return { id, asked: { id, index: 0, tryUntil: tryUntils[0] ?? 0 } };
    },
  };
}

test('the result whose link dies first is taken first, whoever asks', async () => {
  const { ledger, enter } = setup();
  const late = await enter([NOW + 9_000]);
  const soon = await enter([NOW + 3_000, NOW + 5_000]);
  const takes = [];
  for (let i = 0; i < 4; i += 1) takes.push((await ledger.take(late.asked, LEASE)).taken);
  expect(takes.map((taken) => taken && [taken.id, taken.index])).toEqual([
    [soon.id, 0],
    [soon.id, 1],
    [late.id, 0],
    undefined,
  ]);
});

test('what is taken is nobody else’s for the lease, and comes back after it', async () => {
  const { ledger, enter } = setup();
  const { asked } = await enter([NOW + 9_000]);
  const first = await ledger.take(asked, LEASE);
  expect(first).toMatchObject({ taken: { index: 0 }, askedAt: NOW + 1_000 });
  expect((await ledger.take(asked, { ...LEASE, now: NOW + 999 })).taken).toBeUndefined();
  expect((await ledger.take(asked, { ...LEASE, now: NOW + 1_000 })).taken).toEqual(first.taken);
});

test('what is put back is not taken before its time', async () => {
  const { ledger, enter } = setup();
  const { asked } = await enter([NOW + 9_000]);
  const { taken } = await ledger.take(asked, LEASE);
  if (taken) await ledger.putBack(taken, NOW + 400);
  expect(await ledger.take(asked, LEASE)).toEqual({ taken: undefined, askedAt: NOW + 400 });
  expect((await ledger.take(asked, { ...LEASE, now: NOW + 400 })).taken).toEqual(taken);
});

test('entering again changes nothing, whatever has become of the results', async () => {
  const { ledger, enter } = setup();
  const { id, asked } = await enter([NOW + 1, NOW + 2]);
  const { taken } = await ledger.take(asked, LEASE);
  if (taken) await ledger.settle(taken, kept);
  const results = new Map([[0, pendingUntil(NOW + 77)]]);
  const again = await ledger.enter({ id, tenant: 'x', until: 1, waits: true, results });
  expect(again.states.get(0)).toEqual(kept);
  expect(again).toMatchObject({ tenant: 'shop', waits: false });
  expect((await ledger.take(asked, LEASE)).taken).toMatchObject({ id, index: 1 });
  expect((await ledger.take(asked, LEASE)).taken).toBeUndefined();
});

test('a result is settled once, and says how many of its generation are still pending', async () => {
  const { ledger, enter } = setup();
  const { id, asked } = await enter([NOW + 1, NOW + 2], true);
  const { taken: first } = await ledger.take(asked, LEASE);
  const { taken: second } = await ledger.take(asked, LEASE);
  if (!first || !second) throw new Error('two were entered');
  expect(await ledger.settle(first, kept)).toEqual({ written: true, pending: 1, waits: true });
  const other = { ...kept, place: 'elsewhere' };
  expect(await ledger.settle(first, other)).toEqual({ written: false, pending: 1, waits: true });
  const lost = { state: 'lost', why: 'too_large', lostAt: NOW } as const;
  expect(await ledger.settle(second, lost)).toMatchObject({ written: true, pending: 0 });
  expect((await ledger.read(id))?.states).toEqual(
    new Map<number, unknown>([
      [0, kept],
      [1, lost],
    ]),
  );
  expect(await ledger.take(asked, LEASE)).toEqual({ taken: undefined, askedAt: undefined });
});

test('what is erased while it is copied is not written, and stays owed until somebody looks', async () => {
  const { ledger, enter } = setup();
  const { id, asked } = await enter([NOW + 1]);
  const { taken } = await ledger.take(asked, LEASE);
  const before = await ledger.erase(id, NOW);
  expect(before?.states.get(0)?.state).toBe('pending');
  expect(await ledger.overdue(NOW + 1_000, 10)).toMatchObject([{ id, index: 0 }]);
  expect(taken && (await ledger.settle(taken, kept))).toMatchObject({ written: false });
  expect((await ledger.read(id))?.states.get(0)).toEqual({ state: 'erased', erasedAt: NOW });
  // Its file may be there by now: whoever has removed that says so.
  expect(await ledger.overdue(NOW + 1e6, 10)).toHaveLength(1);
  if (taken) await ledger.settle(taken, undefined);
  expect(await ledger.overdue(NOW + 1_000, 10)).toEqual([]);
});

test('an erasure that is asked for again still knows the file of our own', async () => {
  const { ledger, enter } = setup();
  const { id, asked } = await enter([NOW + 1]);
  const { taken } = await ledger.take(asked, LEASE);
  const ownFile = 'a-file_of.our-own.png';
  if (taken) await ledger.settle(taken, { ...kept, ownFile });
  for (const state of ['kept', 'erased']) {
    const before = await ledger.erase(id, NOW);
    expect(before?.states.get(0)).toMatchObject({ state, ownFile });
  }
});

test('nothing is noted of what was never entered, nor of what is forgotten', async () => {
  const { ledger, enter, redis, keys } = setup();
  expect(await ledger.read(newGenerationId(NOW))).toBeUndefined();
  expect(await ledger.erase(newGenerationId(NOW), NOW)).toBeUndefined();
  const { id, asked } = await enter([NOW + 1]);
  expect(await ledger.expired(NOW + 1e6 - 1, 10)).toEqual([]);
  expect(await ledger.expired(NOW + 1e6, 10)).toEqual([id]);
  const { taken } = await ledger.take(asked, LEASE);
  if (taken) await ledger.settle(taken, kept);
  await ledger.forget(id);
  expect(await ledger.read(id)).toBeUndefined();
  expect(await redis.keys(`${keys.prefix}*`)).toEqual([]);
});

test('all that is noted can be walked through', async () => {
  const { ledger, enter } = setup();
  const entered = await Promise.all(Array.from({ length: 60 }, () => enter([NOW + 1])));
  const found = new Set<string>();
  for await (const { id, kept: noted } of ledger.all()) {
    expect(noted.tenant).toBe('shop');
    found.add(id);
  }
  expect(found).toEqual(new Set(entered.map(({ id }) => id)));
});
