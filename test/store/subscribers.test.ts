import { expect, onTestFinished, test, vi } from 'vitest';
import { createLastingRegistration } from '../../src/store/subscribers.ts';
import { connectTestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

/** A process that has registered `orders`, on a connection of its own. */
async function setup() {
  const { redis: admin, keys, another, close } = connectTestRedis();
  onTestFinished(async () => {
    vi.useRealTimers();
    await close();
  });
  const redis = another();
  const registration = createLastingRegistration({ redis, keys });
  await registration.register('orders');
  /** Redis comes back without the registration, as one that was restored from a backup does. */
  async function restore(): Promise<void> {
    await admin.del(keys.subscribers);
    const id = await redis.client('ID');
    const isBack = new Promise((resolve) => redis.once('ready', resolve));
    await admin.client('KILL', 'ID', id);
    await isBack;
  }
  return { registration, restore, names: () => admin.smembers(keys.subscribers) };
}

test('a name that was registered long before is registered again whenever the connection is back', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { restore, names } = await setup();
  vi.advanceTimersByTime(3_600_000);
  await restore();
  await until('it is registered again', async () => (await names()).includes('orders'));
  await restore();
  await until('and once more', async () => (await names()).includes('orders'));
});

test('a name that is being removed is not registered again', async () => {
  const { registration, restore, names } = await setup();
  await registration.register('other');
  registration.forget('orders');
  await restore();
  await until('the other is registered again', async () => (await names()).includes('other'));
  expect(await names()).toEqual(['other']);
});

test.each(['callback', 'callback-slow', 'Orders', ''])(
  'nobody registers as %j: it is ours, or no name',
  async (name) => {
    const { registration, names } = await setup();
    await expect(registration.register(name)).rejects.toMatchObject({
      code: 'invalid_subscriber_name',
    });
    expect(await names()).toEqual(['orders']);
  },
);
