import { expect, test } from 'vitest';
import { DEMO_CATALOGUE } from '../../../rig/demo/catalogue.ts';
import { IMPATIENT } from '../../../rig/demo/stack.ts';
import { pollProfileFor } from '../../../src/config/poll-profiles.ts';
import { readSettings } from '../../../src/config/settings.ts';
import { connectProviders } from '../../../src/providers/connect.ts';

const KEYS = {
  FITINVIEW_API_KEY: 'fiv_live_simulated',
  FITINVIEW_WEBHOOK_SECRET: 'whsec_simulated',
  FASHN_API_KEY: 'fashn-simulated',
  SEGMIND_API_KEY: 'segmind-simulated',
};
/** What the demo's simulator takes at most, and ten times that in the scenario `slow`. */
const LONGEST_TASK_MS = 3_000;

test('the demo’s patience outlasts the slowest task of its simulator, whatever the model', () => {
  const settings = readSettings({ ...IMPATIENT, ...KEYS, CATWALK_SECRET: 's'.repeat(32) });
  const { providers } = connectProviders(settings);
  expect(providers.size).toBe(3);
  for (const { name, models } of providers.values()) {
    const model = DEMO_CATALOGUE[name]?.model ?? '';
    const { type = 'video', poll: recommended } = models[model] ?? {};
    const about = { provider: name, name: model, recommended };
    const poll = pollProfileFor(type, about, settings.POLL_PROFILES);
    expect(poll.giveUpAfterMs, name).toBeGreaterThan(10 * LONGEST_TASK_MS);
    expect((poll.maxPolls ?? Number.POSITIVE_INFINITY) * poll.everyMs, name).toBeGreaterThan(
      10 * LONGEST_TASK_MS,
    );
  }
  expect(settings.SUBMIT_TIMEOUT_MS).toBeGreaterThan(2 * LONGEST_TASK_MS);
});
