import { expect, test } from 'vitest';
import { createApixo } from '../../../src/providers/apixo/adapter.ts';
import { always } from '../../support/loopback-server.ts';
import { onLoopback } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

test('APIXO is asked for a task at the slug of the handle, or of the model for an adopted task', async () => {
  const answer = { code: 200, message: 'success', data: { taskId: 'task_1', state: 'pending' } };
  const { server, adapter } = await onLoopback(createApixo, always(200, answer));
  await adapter.check({ id: 'a&a=b', handle: 'nano-banana-pro' }, { model: 'nano-banana' });
  await adapter.check({ id: 'task_1' }, { model: 'sora-2' });
  expect(server.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /api/v1/statusTask/nano-banana-pro?taskId=a%26a%3Db',
    'GET /api/v1/statusTask/sora-2?taskId=task_1',
  ]);
});
