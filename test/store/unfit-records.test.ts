import { expect, test } from 'vitest';
import type { Generation } from '../../src/generation/generation.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { setupStore as setup } from '../support/store.ts';

// A record that nobody could read again, or that no schedule can hold, is not written at all.

const circle: Record<string, unknown> = {};
circle['self'] = circle;
const { submitted } = RECORDS;

const UNFIT: readonly [string, object][] = [
  ['a NaN for its version', { version: Number.NaN }],
  ['a NaN for its due time', { dueAt: Number.NaN }],
  ['a NaN in a place that no script sees', { deadlineAt: Number.NaN }],
  ['a due time at infinity', { dueAt: Number.POSITIVE_INFINITY }],
  ['a due time that no Date names', { dueAt: 1e300 }],
  ['a due time long before all time', { dueAt: -1e300 }],
  ['a task without an id', { task: { id: '' } }],
  ['no task at all', { task: undefined }],
  ['a status of 3 MB', { providerStatus: 'x'.repeat(3 * 1024 * 1024) }],
  ['input that holds itself', { input: circle }],
  ['input that is no JSON', { input: { n: 1n } }],
];

test.each(UNFIT)(
  'a record with %s fails its own save, and no other of the batch',
  async (_, odd) => {
    const { store, contents } = setup();
    const [one, another] = [newRecord(), newRecord()];
    await store.create(one);
    await store.create(another);
    const unfit = { ...submitted, id: one.id, version: 0, ...odd } as Generation; // it is none
    const before = await contents();
    expect(await store.save(unfit)).toMatchObject({ saved: false, current: { code: 'defect' } });
    expect(await contents()).toEqual(before);

    const fit = { ...another, dueAt: NOW + 5_000 };
    const saves = [store.save(unfit), store.save(fit), store.save(unfit)];
    expect(await Promise.all(saves)).toMatchObject([
      { saved: false, current: { code: 'defect' } },
      { saved: true, generation: { id: another.id, version: 1 } },
      { saved: false, current: { code: 'defect' } },
    ]);
    expect(await store.load(one.id)).toStrictEqual(one);
    expect(await store.load(another.id)).toStrictEqual({ ...fit, version: 1 });
  },
);

test.each([
  ['a NaN for its due time', { dueAt: Number.NaN }],
  ['an absurd deadline', { deadlineAt: 1e300 }],
  ['3 MB of metadata', { metadata: { note: 'x'.repeat(3 * 1024 * 1024) } }],
])('a new record with %s is refused, and nothing is written', async (_, odd) => {
  const { store, contents } = setup();
  const once = { key: 'k', bodyFingerprint: 'body' };
  await expect(store.create(newRecord(odd), once)).rejects.toMatchObject({ code: 'defect' });
  expect(await contents()).toEqual([]);
});

test('a record that was taken can take its answer, however long its input is', async () => {
  const { store } = setup();
  // 2 MiB, less what is needed to store it as queued; earlier releases took any length.
  for (const length of [2 * 1024 * 1024 - 700, 3 * 1024 * 1024]) {
    const queued = newRecord({ input: { prompt: 'x'.repeat(length) } });
    expect(await store.create(queued)).toBeUndefined();
    const { id, input } = queued;
    const task = { id: 't'.repeat(256), handle: 'h'.repeat(8_192) };
    const paid: Generation = { ...submitted, id, input, task, version: queued.version };
    expect(await store.save(paid)).toMatchObject({ saved: true, generation: { task } });
  }
});
