import { expect, test } from 'vitest';
import { askFor, setupEveryProvider } from '../support/every-provider.ts';
import { until } from '../support/until.ts';

test('without its secret in the settings, Replicate’s webhook is believed all the same', async () => {
  const pipeline = await setupEveryProvider({
    env: { REPLICATE_WEBHOOK_SECRET: '' },
    patience: { webhookGraceMs: 20_000, giveUpAfterMs: 30_000 },
  });
  const id = await askFor(pipeline, 'replicate');
  const [shown] = await pipeline.untilSettled([id], 20_000);
  expect(shown).toMatchObject({ status: 'completed', via: 'webhook', polls: 0 });
});

test('what was given up on is stopped at Replicate, and not run to its end', async () => {
  const pipeline = await setupEveryProvider({
    // Eleven seconds there are more than two here: time enough for our own last check.
    simulator: { timeScale: 0.25 },
    patience: { webhookGraceMs: 100, giveUpAfterMs: 300 },
  });
  pipeline.simulator.setScenario('stuck', { provider: 'replicate', count: 1 });
  const id = await askFor(pipeline, 'replicate');
  const [shown] = await pipeline.untilSettled([id], 20_000);
  expect(shown).toMatchObject({ status: 'timed_out', reason: { code: 'gave_up' } });
  const end = () => pipeline.simulator.ledger()['replicate']?.accepted[0]?.finalStatus;
  expect(await until('Replicate has stopped it', async () => end() ?? undefined)).toBe('canceled');
});
