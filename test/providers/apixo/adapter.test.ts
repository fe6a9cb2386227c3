import { expect, test } from 'vitest';
import { createApixo } from '../../../src/providers/apixo/adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { always } from '../../support/loopback-server.ts';
import { onLoopback } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

const setup = (data: object = { state: 'pending' }, more: Partial<ProviderOptions> = {}) =>
  onLoopback(
    createApixo,
    always(200, { code: 200, message: 'success', data: { taskId: 'task_1', ...data } }),
    more,
  );

test('APIXO is asked for a task at the slug of the handle, or of the model for an adopted task', async () => {
  const { server, adapter } = await setup();
  await adapter.check({ id: 'a&a=b', handle: 'nano-banana-pro' }, { model: 'nano-banana' });
  await adapter.check({ id: 'task_1' }, { model: 'sora-2' });
  await adapter.check({ id: 'task_1' }, { model: 'nano-banana/image' });
  expect(server.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /api/v1/statusTask/nano-banana-pro?taskId=a%26a%3Db',
    'GET /api/v1/statusTask/sora-2?taskId=task_1',
    'GET /api/v1/statusTask/nano-banana?taskId=task_1',
  ]);
});

test('a result of APIXO says when its link dies: a day after the task was complete', async () => {
  const completeTime = 1_790_000_000_000;
  const resultJson = JSON.stringify({ resultUrls: ['https://cdn.example.com/1.png'] });
  const { adapter } = await setup({ state: 'success', resultJson, completeTime });
  expect(await adapter.check({ id: 'task_1' }, { model: 'sora-2' })).toMatchObject({
    outcome: { results: [{ kind: 'file', expiresAt: completeTime + 24 * 3_600_000 }] },
  });
});

test.each([
  ['PROCESSING_TIMEOUT', true],
  ['MODEL_UNAVAILABLE', true],
  ['INSUFFICIENT_CREDITS', true],
  ['CONTENT_VIOLATION', false],
  ['SensitiveContentDetected', false],
  ['PROMPT_TOO_LONG', false],
  ['IMAGE_TOO_LARGE', false],
  ['GENERATION_FAILED', undefined],
  ['SomethingNew', undefined],
])('of %s, APIXO’s documents say that asking again helps: %s', async (failCode, helps) => {
  const { adapter } = await setup({ state: 'failed', failCode });
  const seen = await adapter.check({ id: 'task_1' }, { model: 'sora-2' });
  const { outcome } = seen as Extract<typeof seen, { kind: 'final' }>; // it has failed
  if (outcome.verdict === 'completed') throw new Error('it has failed');
  expect(outcome.reason.mayHelpToRetry).toBe(helps);
});

test('APIXO works on three tasks at once, and on ten with the plan that the operator sets', async () => {
  const { adapter } = await setup();
  expect(adapter.limits).toMatchObject({ running: 3, submits: { max: 10, perMs: 60_000 } });
  const pro = { submitsPerMinute: 60, running: 10 };
  const { adapter: withPro } = await setup(undefined, { limits: pro });
  expect(withPro.limits).toMatchObject({ running: 10, submits: { max: 60, perMs: 60_000 } });
});
