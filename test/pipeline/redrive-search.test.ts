import { expect, test } from 'vitest';
import { DEMO_CATALOGUE } from '../../rig/demo/catalogue.ts';
import { freePort } from '../../rig/ports.ts';
import { redrive } from '../support/operations.ts';
import { type Shown, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const PROVIDER = 'image-intelligence';

/** A provider that can be searched, polled; its answers are lost for good after a second. */
async function setup() {
  const port = await freePort();
  const poll = {
    firstAfterMs: 150,
    everyMs: 150,
    longestMs: 150,
    factor: 1,
    giveUpAfterMs: 30_000,
  };
  const pipeline = await setupPipeline({
    webhooks: false,
    simulator: { port },
    env: {
      MAX_QUEUED_MS: '1000',
      IMAGE_INTELLIGENCE_API_KEY: 'client:client-secret',
      IMAGE_INTELLIGENCE_BASE_URL: `http://127.0.0.1:${port}/${PROVIDER}`,
      IMAGE_INTELLIGENCE_SUBMITS_PER_MINUTE: '100000',
      POLL_PROFILES: JSON.stringify({ [PROVIDER]: poll }),
    },
  });
  const book = () => pipeline.simulator.ledger()[PROVIDER];

  async function endedUnknown(scenario: 'lost-reply' | 'html-error'): Promise<string> {
    pipeline.simulator.setScenario(scenario, { provider: PROVIDER, count: 1 });
    const wanted = DEMO_CATALOGUE[PROVIDER];
    if (!wanted) throw new Error('the demo asks it for nothing');
    const assets = `${pipeline.simulator.url}/assets`;
    const input = wanted.input(`${assets}/person.png`, `${assets}/garment-shirt.png`);
    const response = await pipeline.post({ provider: PROVIDER, model: wanted.model, input });
    const { id } = (await response.json()) as Shown; // our own API's answer
    await until('the answer is lost', async () => {
      return (await pipeline.store.load(id))?.state === 'unconfirmed';
    });
    // A search is believed after 15 s, and by then its wait is over.
    pipeline.advanceClock(16_000);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'failed', reason: { code: 'outcome_unknown' } });
    pipeline.advanceClock(16_000);
    return id;
  }

  async function redriven(old: string): Promise<Shown> {
    const env = { ...pipeline.env, MAX_QUEUED_MS: undefined };
    const answer = await redrive(env, '--provider', PROVIDER, '--reason', 'outcome_unknown');
    expect(answer).toMatchObject({ groups: [{ class: 'outcome_unknown', action: 'search' }] });
    const [begun] = answer.began;
    expect(begun?.redriveOf).toBe(old);
    const [shown] = await pipeline.untilSettled([begun?.id ?? '']);
    return shown as Shown;
  }
  return { book, endedUnknown, redriven };
}

test('image-intelligence: a redrive finds the task that was paid for, and sends nothing', {
  timeout: 90_000,
}, async () => {
  const { book, endedUnknown, redriven } = await setup();
  const old = await endedUnknown('lost-reply');
  expect(book()?.accepted).toHaveLength(1);
  expect(await redriven(old)).toMatchObject({ status: 'completed', redriveOf: old });
  expect(book()?.accepted).toHaveLength(1);
  expect(book()?.refused).toEqual([]);
  expect(book()?.searches).toBeGreaterThan(0);
});

test('image-intelligence: a redrive submits what a search proves absent, once', {
  timeout: 90_000,
}, async () => {
  const { book, endedUnknown, redriven } = await setup();
  const old = await endedUnknown('html-error');
  expect(book()?.accepted).toEqual([]);
  expect(await redriven(old)).toMatchObject({ status: 'completed', redriveOf: old });
  expect(book()?.searches).toBeGreaterThan(0);
  expect(book()?.accepted).toHaveLength(1);
});
