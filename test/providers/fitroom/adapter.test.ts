import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startSimulator } from '../../../simulator/index.ts';
import { createFitRoom } from '../../../src/providers/fitroom/adapter.ts';
import { always } from '../../support/loopback-server.ts';
import { onLoopback, sharedParts } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

async function setup(body: unknown, status = 200) {
  const images = {
    load: async () => ({ bytes: Buffer.from('x'), contentType: 'image/png', fileName: 'a.png' }),
    close: async () => {},
  };
  const { adapter } = await onLoopback(createFitRoom, always(status, body), { images });
  const input = adapter.models['tryon']?.input;
  if (!input) throw new Error('FitRoom has one model');
  return { adapter, input };
}

const PICTURE = 'https://img.example.com/person.jpg';
const wish = { personImage: PICTURE, garmentImages: [PICTURE], clothType: 'upper' };
const request = { model: 'tryon', input: wish, idempotencyKey: 'gen_1-1' };

test('a task of FitRoom that waits in its queue is live, however long it has waited', async () => {
  const { adapter } = await setup({ task_id: 'a1b2', status: 'CREATED', progress: 0 });
  // The handle of a task from before: when it was accepted.
  for (const task of [{ id: 'a1b2' }, { id: 'a1b2', handle: String(Date.now() - 600_000) }]) {
    const seen = await adapter.check(task, { model: 'tryon' });
    expect(seen).toEqual({ kind: 'live', status: 'created', progress: 0 });
  }
});

test('FitRoom tells its progress in percent', async () => {
  const progressOf = async (progress: unknown) => {
    const { adapter } = await setup({ status: 'PROCESSING', progress });
    return Reflect.get(await adapter.check({ id: 'a1b2' }, { model: 'tryon' }), 'progress');
  };
  expect(await progressOf(50)).toBe(0.5);
  expect(await progressOf(101)).toBeUndefined();
  expect(await progressOf('half')).toBeUndefined();
});

test('a link of FitRoom that is signed for a time dies when it says', async () => {
  const link = 'https://cdn.example.com/1.png?Expires=1790000000&Signature=x';
  const { adapter } = await setup({ status: 'COMPLETED', download_signed_url: link });
  expect(await adapter.check({ id: 'a1b2' }, { model: 'tryon' })).toMatchObject({
    outcome: { results: [{ url: link, expiresAt: 1_790_000_000_000 }] },
  });
});

describe('the free checks of FitRoom', () => {
  /** The adapter and a simulated FitRoom, which takes pictures for what `switches` say. */
  async function simulated(switches: Record<string, string>, checkInputs?: boolean) {
    const simulator = await startSimulator({ providers: { fitroom: { switches } } });
    const { close, ...shared } = await sharedParts();
    onTestFinished(() => Promise.all([simulator.close(), close()]).then(() => undefined));
    const settings = { apiKey: 'fr-key', baseUrl: `${simulator.url}/fitroom`, webhookSecrets: [] };
    const adapter = createFitRoom({ ...settings, ...shared, checkInputs });
    const picture = `${simulator.url}/assets/person.png`;
    const input = { personImage: picture, garmentImages: [picture], clothType: 'upper' };
    return {
      /** Prepares to the end; its last words. */
      prepare: async () => {
        let prepared: string | undefined;
        for (let step = 0; step < 5; step++) {
          const answer = await adapter.prepare?.({ ...request, input, prepared });
          prepared = answer?.prepared;
          if (answer?.done) return prepared;
        }
        throw new Error('never done');
      },
      accepted: () => simulator.ledger()['fitroom']?.accepted ?? [],
    };
  }

  test('refuse a picture in FitRoom’s words, before anything is paid', async () => {
    const { prepare, accepted } = await simulated({ 'input-checks': 'refuse' });
    await expect(prepare()).rejects.toMatchObject({
      name: 'Terminal',
      code: 'invalid_input',
      message: expect.stringContaining('The picture is too dark.'),
      answered: true,
    });
    expect(accepted()).toEqual([]);
  });

  test('refuse a garment that is of another type than was said', async () => {
    const { prepare } = await simulated({ 'clothes-type': 'lower' });
    await expect(prepare()).rejects.toMatchObject({ name: 'Terminal', code: 'invalid_input' });
    expect(await (await simulated({ 'clothes-type': 'upper' })).prepare()).toBe('passed 2');
  });

  test('can be switched off', async () => {
    const { prepare } = await simulated({ 'input-checks': 'refuse' }, false);
    expect(await prepare()).toBe('pictures-checked');
  });

  test.each([404, 405, 410])('are done without where they are answered %d', async (status) => {
    const { adapter } = await setup({}, status);
    expect(await adapter.prepare?.(request)).toEqual({ prepared: 'passed 1', done: false });
  });
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
