import { expect, onTestFinished, test } from 'vitest';
import { createApixo } from '../../../src/providers/apixo/adapter.ts';
import { always, loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

test('APIXO is asked for a task at the slug of the handle, or of the model for an adopted task', async () => {
  const told = { code: 200, message: 'success', data: { taskId: 'task_1', state: 'pending' } };
  const server = await loopbackServer(always(200, told));
  const { close, ...shared } = await sharedParts();
  onTestFinished(() => Promise.all([server.close(), close()]).then(() => undefined));
  const settings = { apiKey: 'apixo-key', baseUrl: server.url, webhookSecrets: [] };
  const adapter = createApixo({ ...settings, ...shared });
  await adapter.check({ id: 'a&a=b', handle: 'nano-banana-pro' }, { model: 'nano-banana' });
  await adapter.check({ id: 'task_1' }, { model: 'sora-2' });
  expect(server.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /api/v1/statusTask/nano-banana-pro?taskId=a%26a%3Db',
    'GET /api/v1/statusTask/sora-2?taskId=task_1',
  ]);
});
