import { expect, onTestFinished, test } from 'vitest';
import { startOwnRedis } from '../support/own-redis.ts';
import { until } from '../support/until.ts';
import { expectTryLater, generationOf, problemOf, REQUEST, setup, type World } from './setup.ts';

const ERROR = 50;

const PROCESSING = '{"id":"job_1","status":"processing"}';

/** The log lines of this level, each as it was written. */
const linesOf = (world: World, level: number): string[] =>
  world.logged.filter((line) => JSON.parse(line).level === level);

test('a script of ours that fails is our defect: 500, and an error in the log with what Redis said', async () => {
  const world = await setup();
  const body = JSON.stringify({ id: 'job_private', status: 'processing' });
  const waiting = await generationOf(await world.ask(REQUEST));
  const each = {
    ask: () => world.ask(REQUEST),
    deliver: () => world.fromFitInView(body),
    cancel: () => world.cancel(waiting.id),
  };
  await world.redis.set(world.keys.owed('fashn'), 'no schedule');
  await world.redis.set(`${world.keys.prefix}:completions:wait`, 'no list');
  await world.redis.set(`${world.keys.prefix}:completions:marker`, 'no sorted set');
  for (const [name, request] of Object.entries(each)) {
    world.logged.length = 0;
    const response = await request();
    expect(response.status, name).toBe(500);
    expect(response.headers.get('retry-after'), name).toBeNull();
    expect(await problemOf(response), name).toMatchObject({ code: 'internal_error' });
    const [line, ...others] = linesOf(world, ERROR);
    expect(JSON.parse(line ?? '{}'), name).toMatchObject({
      msg: 'request failed',
      err: { type: 'Defect', message: expect.stringContaining('WRONGTYPE') },
    });
    expect(others).toEqual([]);
    expect(world.logged.join('')).not.toMatch(/person\.jpg|shirt\.jpg|job_private/);
  }
});

/** A web process on a Redis of its own, as a user whose rights an operator may change. */
async function asUser() {
  const own = await startOwnRedis();
  onTestFinished(own.stop);
  const acl = (...rules: string[]) => own.admin.call('ACL', 'SETUSER', 'web', ...rules);
  await acl('on', '>the-first-password', '~*', '&*', '+@all');
  const url = new URL(own.url);
  [url.username, url.password] = ['web', 'the-first-password'];
  const world = await setup({ REDIS_URL: url.href });
  await world.ready();
  return { own, acl, world };
}

async function expectLockedOut(world: World, says: RegExp): Promise<void> {
  await expectTryLater(await world.fromFitInView(PROCESSING));
  await until(`an error says ${says}`, () => linesOf(world, ERROR).some((line) => says.test(line)));
}

test('a right that an operator took away: webhooks are answered 503, an error says so, and they are taken when it is given back', async () => {
  const { acl, world } = await asUser();
  await acl('-@write');
  await expectLockedOut(world, /NOPERM|The user executing the script can't|ACL failure in script/);
  await acl('+@all');
  expect((await world.fromFitInView(PROCESSING)).status).toBe(200);
});

test('a password that an operator changed: webhooks are answered 503, an error says so, and they are taken when it fits again', async () => {
  const { own, acl, world } = await asUser();
  await acl('resetpass', '>another-password');
  await own.admin.call('CLIENT', 'KILL', 'USER', 'web');
  await until('it is out', () => world.web.redis.status !== 'ready');
  await expectLockedOut(world, /WRONGPASS/);
  await acl('>the-first-password');
  await world.ready();
  expect((await world.fromFitInView(PROCESSING)).status).toBe(200);
});
