import { describe, expect, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { isFinal } from '../../src/generation/generation.ts';
import { type OwnRedis, setupOnOwnRedis } from '../support/own-redis.ts';
import {
  type Pipeline,
  PROVIDERS,
  type ProviderName,
  type Shown,
  sendDelivery,
} from '../support/pipeline.ts';
import { until } from '../support/until.ts';

interface World {
  own: OwnRedis;
  pipeline: Pipeline;
}

type OnFinished = Parameters<typeof setupOnOwnRedis>[0];

const setup = (onFinished: OnFinished): Promise<World> =>
  setupOnOwnRedis(onFinished, {
    patience: { webhookGraceMs: 300, giveUpAfterMs: 600_000 },
    env: { UNCONFIRMED_GRACE_MS: '4000' },
  });

/** Whatever is due at some time is due by now; nobody has given up. */
const HALF_A_MINUTE_MS = 31_000;

async function untilNothingIsOwed({ pipeline }: World, id: string): Promise<Shown> {
  await until(
    `${id} is final, and notified`,
    async () => {
      const record = await pipeline.store.load(id);
      return record && isFinal(record) && record.dueAt === undefined;
    },
    60_000,
  );
  return pipeline.get(id);
}

async function runToItsEnd(world: World, provider: ProviderName, webhook: boolean) {
  const id = await world.pipeline.request(provider, { scenario: webhook ? 'ok' : 'no-webhook' });
  await untilNothingIsOwed(world, id);
  await until('it is notified', () => world.pipeline.eventsOf(id).length > 0);
  return id;
}

const paidFor = ({ pipeline }: World, provider: ProviderName): number =>
  pipeline.book(provider).accepted.length;

/** What of a finished generation Redis may have lost with its last second, and by what it is known. */
const LOST = [
  { what: 'the submit job', parts: (id: string) => ['HMSET', `turn-${id}`], webhook: true },
  { what: 'the first round', parts: () => ['HMSET', ':round-'], webhook: false },
  { what: 'a round’s lease', parts: () => [':polls:'], webhook: false },
  {
    what: 'a webhook that was answered 200',
    parts: (id: string) => ['"items"', id],
    webhook: true,
  },
  { what: 'the outcome', parts: (id: string) => [id, '"state":"completed"'], webhook: true },
  { what: 'the subscriber’s job', parts: (id: string) => ['HMSET', `notify-${id}`], webhook: true },
  {
    what: 'the mark as notified',
    parts: (id: string) => [id, '"state":"completed"', 'PXAT'],
    webhook: true,
  },
];

describe.concurrent('what Redis forgot with its last second', () => {
  describe.for(PROVIDERS)('%s', (provider) => {
    // With the submit job the intent is lost, which is another matter for a provider without keys.
    test.for(LOST.filter(({ what }) => provider === 'fitinview' || what !== 'the submit job'))(
      '$what: found again by the same workers, with the same event, and not paid twice',
      { timeout: 120_000 },
      async ({ parts, webhook }, { onTestFinished }) => {
        const world = await setup(onTestFinished);
        const { own, pipeline } = world;
        const id = await runToItsEnd(world, provider, webhook);

        await own.forget(await own.writtenBefore(...parts(id)));
        const forgotten = await pipeline.store.load(id);
        expect(forgotten && isFinal(forgotten) && forgotten.dueAt === undefined).toBe(false);
        pipeline.advanceClock(HALF_A_MINUTE_MS);
        const shown = await untilNothingIsOwed(world, id);

        expect(shown.status).toBe('completed');
        expect(new Set(pipeline.eventsOf(id).map((event) => event.id)).size).toBe(1);
        expect(new Set(pipeline.events.map(({ data }) => data.outcome))).toEqual(
          new Set(['completed']),
        );
        expect(paidFor(world, provider)).toBe(1);
        expect(await pipeline.queue(queueNames.completions).getFailedCount()).toBe(0);
      },
    );
  });

  test.for([
    { what: 'the save of the answer', state: 'submitted' },
    { what: 'the intent', state: 'submitting' },
  ])(
    '$what, provider with keys: the same key finds the task, paid once',
    { timeout: 120_000 },
    async ({ state }, { onTestFinished }) => {
      const world = await setup(onTestFinished);
      const { own, pipeline } = world;
      const id = await runToItsEnd(world, 'fitinview', false);
      await own.forget(await own.writtenBefore(id, `"state":"${state}"`));
      pipeline.advanceClock(HALF_A_MINUTE_MS);
      expect((await untilNothingIsOwed(world, id)).status).toBe('completed');
      expect(paidFor(world, 'fitinview')).toBe(1);
      expect(pipeline.book('fitinview').accepted[0]?.replays).toBe(1);
      expect(new Set(pipeline.events.map((event) => event.id)).size).toBe(1);
    },
  );

  test.for([
    { what: 'the save of the answer', state: 'submitted' },
    { what: 'the intent', state: 'submitting' },
  ])(
    '$what, provider without: its webhook adopts the task, paid once',
    { timeout: 120_000 },
    async ({ state }, { onTestFinished }) => {
      const world = await setup(onTestFinished);
      const { own, pipeline } = world;
      const id = await runToItsEnd(world, 'fashn', false);
      const [entry] = pipeline.book('fashn').accepted;
      if (!entry) throw new Error('nothing was submitted');
      await own.forget(await own.writtenBefore(id, `"state":"${state}"`));
      const says = { id: entry.taskId, status: 'completed', output: ['https://x.test/1.png'] };
      await until('its webhook is taken', async () => {
        return (await sendDelivery('fashn', entry, says)).status === 200;
      });
      pipeline.advanceClock(HALF_A_MINUTE_MS);
      expect((await untilNothingIsOwed(world, id)).status).toBe('completed');
      expect(paidFor(world, 'fashn')).toBe(1);
    },
  );

  test('the save of the answer, provider without, no webhook: fails as unknown, paid once', async ({
    onTestFinished,
  }) => {
    const world = await setup(onTestFinished);
    const { own, pipeline } = world;
    const id = await runToItsEnd(world, 'fashn', false);
    await own.forget(await own.writtenBefore(id, '"state":"submitted"'));
    pipeline.advanceClock(HALF_A_MINUTE_MS);
    const shown = await untilNothingIsOwed(world, id);
    expect(shown.reason?.code).toBe('outcome_unknown');
    expect(paidFor(world, 'fashn')).toBe(1);
  }, 120_000);

  test('a subscriber that had just been registered: it is again when the connection is back', async ({
    onTestFinished,
  }) => {
    const world = await setup(onTestFinished);
    const { own, pipeline } = world;
    const moment = await own.written();
    const app = await pipeline.connect();
    const heard: string[] = [];
    await app.onCompletion('latecomer', ({ data }) => {
      heard.push(data.generationId);
    });
    await app.onCompletion('leaver', () => undefined);
    await app.removeSubscriber('leaver');
    await own.forget(moment);
    const id = await until('Redis is back', () =>
      pipeline.request('fitinview').catch(() => undefined),
    );
    await until('it is notified', () => heard.includes(id));
    expect(await pipeline.redis.smembers(pipeline.keys.subscribers)).not.toContain('leaver');
  }, 120_000);

  test('the window that remains: a 202 was wrong, and the app’s repeat with its key makes the generation anew', async ({
    onTestFinished,
  }) => {
    const world = await setup(onTestFinished);
    const { own, pipeline } = world;
    const body = pipeline.bodyOf('fitinview');
    const ask = async () => {
      const response = await pipeline.post(body, 'order-1');
      return { status: response.status, shown: (await response.json()) as Shown }; // our own API's answer
    };
    const first = await ask();
    expect(first.status).toBe(202);
    await own.forget(await own.writtenBefore(first.shown.id, '"state":"queued"'));
    const read = await until('Redis is back', async () => {
      const response = await pipeline.call('GET', `/v1/generations/${first.shown.id}`);
      return response.status === 503 ? undefined : response;
    });
    expect(read.status).toBe(404);
    const again = await ask();
    expect(again.status).toBe(202);
    expect(again.shown.id).not.toBe(first.shown.id);
    expect((await untilNothingIsOwed(world, again.shown.id)).status).toBe('completed');
  }, 120_000);

  test('the window that remains: an intent is lost, the provider has no keys and sends no webhook: paid twice', async ({
    onTestFinished,
  }) => {
    const world = await setup(onTestFinished);
    const { own } = world;
    const id = await runToItsEnd(world, 'fashn', false);
    await own.forget(await own.writtenBefore(id, '"state":"submitting"'));
    await untilNothingIsOwed(world, id);
    expect(paidFor(world, 'fashn')).toBe(2);
  }, 120_000);
});
