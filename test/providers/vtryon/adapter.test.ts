import { expect, test } from 'vitest';
import { createVtryon } from '../../../src/providers/vtryon/adapter.ts';
import { always } from '../../support/loopback-server.ts';
import { onLoopback } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

test('Vtryon gets the ids of uploads back as they came: as numbers only where they are numbers', async () => {
  const { server, adapter } = await onLoopback(createVtryon, always(200, { id: 'task-1' }));
  const picture = 'https://img.example.com/person.jpg';
  const input = { personImage: picture, garmentImages: [picture] };
  // As older processes saved them.
  for (const prepared of ['{"person":"11","garment":"22"}', '{"person":"007","garment":"a1"}']) {
    await adapter.submit({ model: 'tryon', input, idempotencyKey: 'gen_1-1', prepared });
  }
  expect(server.received.map(({ body }) => JSON.parse(body))).toEqual([
    { tryon_person_image_id: 11, garment_image_id: 22 },
    { tryon_person_image_id: '007', garment_image_id: 'a1' },
  ]);
});
