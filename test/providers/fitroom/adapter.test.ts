import { expect, test } from 'vitest';
import { z } from 'zod';
import { createFitRoom } from '../../../src/providers/fitroom/adapter.ts';
import { always } from '../../support/loopback-server.ts';
import { onLoopback } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

async function setup(body: unknown) {
  const images = {
    load: async () => ({ bytes: Buffer.from('x'), contentType: 'image/png', fileName: 'a.png' }),
    close: async () => {},
  };
  const { adapter } = await onLoopback(createFitRoom, always(200, body), { images });
  const input = adapter.models['tryon']?.input;
  if (!input) throw new Error('FitRoom has one model');
  return { adapter, input };
}

test('a task of FitRoom that was not begun 90 s after its acceptance is stuck', async () => {
  const check = async (status: string, handle: string) => {
    const { adapter } = await setup({ task_id: 'a1b2', status });
    return adapter.check({ id: 'a1b2', handle }, { model: 'tryon' });
  };
  const ago = (ms: number) => String(Date.now() - ms);
  expect(await check('CREATED', ago(91_000))).toMatchObject({
    kind: 'final',
    outcome: { verdict: 'failed', reason: { code: 'provider_stuck' } },
  });
  expect(await check('CREATED', ago(80_000))).toMatchObject({ kind: 'live' });
  expect(await check('PROCESSING', ago(91_000))).toMatchObject({ kind: 'live' });
  // Without a time that can be read nobody can say how old it is.
  expect(await check('CREATED', 'x')).toMatchObject({ kind: 'live' });
});

test('an accepted task of FitRoom remembers when that was', async () => {
  const { adapter } = await setup({ task_id: 'a1b2', status: 'CREATED' });
  const before = Date.now();
  const picture = 'https://img.example.com/person.jpg';
  const input = { personImage: picture, garmentImages: [picture], clothType: 'upper' };
  const { task } = await adapter.submit({ model: 'tryon', input, idempotencyKey: 'gen_1-1' });
  expect(Number(task.handle)).toBeGreaterThanOrEqual(before);
  expect(Number(task.handle)).toBeLessThanOrEqual(Date.now());
});

test('a garment without its type is named along with every other mistake of the input', async () => {
  const { input } = await setup({});
  const garmentImages = ['https://img.example.com/shirt.jpg'];
  const { error } = input.safeParse({ garmentImages, hd: 'yes' });
  const fields = error?.issues.map(({ path }) => path.join('.'));
  expect(fields).toEqual(['personImage', 'hd', 'clothType']);
});

test('the JSON Schema of FitRoom’s input says in words which type goes with how many garments', async () => {
  const { input } = await setup({});
  expect(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })).toMatchObject({
    properties: {
      personImage: { format: 'uri', maxLength: 2_048 },
      clothType: { description: expect.stringMatching(/one garment.*two/i) },
    },
  });
});
