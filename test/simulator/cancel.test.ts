import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { ledgerOf, setup as setupSimulator } from './setup.ts';

// Replicate stands for every provider that can cancel: what is proved here is the engine's.
const key = 'r8_tests';

async function setup(options: SimulatorOptions = {}) {
  const world = await setupSimulator(options);
  const { call, post, person, garment } = world;
  const path = '/replicate/v1/predictions';
  return {
    ...world,
    create: (more: Record<string, unknown> = {}) =>
      post('/replicate/v1/models/google/nano-banana/predictions', key, {
        input: { prompt: 'dress', image_input: [person(), garment()] },
        ...more,
      }),
    cancel: (id: unknown) => post(`${path}/${id}/cancel`, key, {}),
    get: (id: unknown) => call(`${path}/${id}`, { headers: { authorization: `Bearer ${key}` } }),
  };
}

test('a canceled task frees its place, is told once, and never becomes anything else', async () => {
  const { create, cancel, get, receiver, simulator } = await setup({
    // A second each: long enough that the first is still live when it is canceled.
    timeScale: 0.25,
    providers: { replicate: { concurrentTasks: 1 } },
  });
  const hook = { webhook: receiver.url, webhook_events_filter: ['completed'] };
  const { body: first } = await create(hook);
  expect((await create()).status).toBe(429);
  await cancel(first['id']);
  const { body: second } = await create(hook);
  // The second ends long after the first would have.
  const received = await receiver.until(2);
  expect(received.map(({ body }) => [body['id'], body['status']])).toEqual([
    [first['id'], 'canceled'],
    [second['id'], 'succeeded'],
  ]);
  expect((await get(first['id'])).body['status']).toBe('canceled');
  expect(ledgerOf(simulator, 'replicate').accepted).toMatchObject([
    { finalStatus: 'canceled', cancelRequests: 1 },
    { finalStatus: 'succeeded', cancelRequests: 0 },
  ]);
});

test('canceling twice, or after the end, changes nothing and is on the books', async () => {
  const { create, cancel, receiver, simulator } = await setup();
  const { body } = await create({ webhook: receiver.url, webhook_events_filter: ['completed'] });
  await receiver.until(1);
  await cancel(body['id']);
  await cancel(body['id']);
  const book = ledgerOf(simulator, 'replicate');
  expect(book.accepted).toMatchObject([{ finalStatus: 'succeeded', cancelRequests: 2 }]);
});

test('a task that would never end can be canceled', async () => {
  const { create, cancel, get } = await setup({ scenario: 'stuck' });
  const { body } = await create();
  await cancel(body['id']);
  expect((await get(body['id'])).body['status']).toBe('canceled');
});
