import { expect, test } from 'vitest';
import { z } from 'zod';
import { POLL_PROFILES } from '../../src/config/poll-profiles.ts';
import { bearer, setup } from './setup.ts';

const Models = z.object({
  models: z.array(z.looseObject({ provider: z.string(), model: z.string(), poll: z.unknown() })),
});

test('a model’s poll timing is the one in force, the operator’s changes included', async () => {
  const { call } = await setup({
    POLL_PROFILES: '{"fashn":{"everyMs":1234},"fashn/tryon-v1.6":{"webhookGraceMs":5678}}',
  });
  const response = await call('/v1/models', { headers: bearer('shop') });
  const { models } = Models.parse(await response.json());
  const poll = (name: string) => models.find(({ model }) => model === name)?.poll;
  expect(poll('tryon-v1.6')).toMatchObject({ everyMs: 1_234, webhookGraceMs: 5_678 });
  expect(poll('tryon')).toMatchObject({ everyMs: POLL_PROFILES.exponential.everyMs });
});

test('models and providers are for tenants only', async () => {
  const { call } = await setup();
  for (const path of ['/v1/models', '/v1/providers']) expect((await call(path)).status).toBe(401);
});
