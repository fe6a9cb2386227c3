import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CallbackLane,
  type CallEnd,
  createEndpoints,
  type EndpointSettings,
  enableEndpoint,
  endpointsInTrouble,
} from '../../src/store/endpoints.ts';
import { NOW } from '../generation/fixtures.ts';
import { contentsOf } from '../support/contents.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

const SHOP = 'https://shop.example.com';
const OTHER = 'https://other.example.com';
const DAY_MS = 24 * 3_600_000;
const SETTINGS: EndpointSettings = {
  perEndpoint: 2,
  perTenant: 3,
  leaseMs: 10_000,
  slowMs: 5_000,
  failures: 3,
  disableAfterMs: 3 * DAY_MS,
};

let tenants = 0;

/** The endpoints of a tenant of the test's own. */
function setup(changes: Partial<EndpointSettings> = {}) {
  const { redis, keys } = testRedis;
  const tenant = `tenant-${tenants++}`;
  const clock = { now: NOW };
  const now = () => clock.now;
  const endpoints = createEndpoints({ redis, keys, settings: { ...SETTINGS, ...changes }, now });
  let events = 0;
  const callTo = (endpoint = SHOP, lane: CallbackLane = 'fast', event = `evt_${events++}`) => ({
    ...{ tenant, endpoint, event, lane },
  });
  const take = (endpoint?: string, lane?: CallbackLane, stays = false) =>
    endpoints.take(callTo(endpoint, lane), stays);
  /** One event's try, from its place to its end. */
  async function tried(end: Partial<CallEnd>, call = callTo()) {
    const place = await endpoints.take(call, true);
    if (place.kind !== 'go') throw new Error(`no place: ${place.kind}`);
    const usual = { result: 'failure', code: 'http_500', isOver: false, tookMs: 20 } as const;
    return endpoints.report(call, place, { ...usual, ...end });
  }
  const fail = (times: number, end: Partial<CallEnd> = {}, endpoint = SHOP) =>
    Array.from({ length: times }).reduce<Promise<string[]>>(
      async (news) => [...(await news), await tried(end, callTo(endpoint))],
      Promise.resolve([]),
    );
  const inTrouble = () => endpointsInTrouble({ redis, keys, now }, tenant);
  const enable = (endpoint: string) => enableEndpoint({ redis, keys }, tenant, endpoint);
  return { redis, keys, tenant, clock, endpoints, callTo, take, tried, fail, inTrouble, enable };
}

const success = { result: 'success', code: '', isOver: true } as const;

test('an endpoint has so many places, its tenant so many together, and another tenant its own', async () => {
  const { take } = setup();
  const kinds = [];
  for (const endpoint of [SHOP, SHOP, SHOP, OTHER, OTHER]) kinds.push((await take(endpoint)).kind);
  expect(kinds).toEqual(['go', 'go', 'wait', 'go', 'wait']);
  expect((await setup().take()).kind).toBe('go');
});

test('the lanes have places of their own', async () => {
  const { take } = setup();
  for (const endpoint of [SHOP, SHOP, OTHER]) await take(endpoint);
  expect((await take(SHOP, 'slow', true)).kind).toBe('go');
});

test('a place is free when its call is reported, and after its lease when nobody reports it', async () => {
  const { clock, endpoints, callTo, take } = setup({ perEndpoint: 1 });
  const call = callTo();
  const place = await endpoints.take(call, false);
  if (place.kind !== 'go') throw new Error('no place');
  expect((await take()).kind).toBe('wait');
  await endpoints.report(call, place, { ...success, tookMs: 20 });
  expect((await take()).kind).toBe('go');
  clock.now += SETTINGS.leaseMs - 1;
  expect((await take()).kind).toBe('wait');
  clock.now += 1;
  expect((await take()).kind).toBe('go');
});

test('those without a place come back one by one, at the pace at which places get free', async () => {
  const { clock, endpoints, callTo, take } = setup({ perEndpoint: 2, perTenant: 2 });
  const first = callTo();
  const place = await endpoints.take(first, false);
  await take();
  const waits = async (count: number) => {
    const found = [];
    for (let i = 0; i < count; i++) found.push(await take());
    return found.map((one) => one.kind === 'wait' && one.forMs);
  };
  // 100 ms each while nothing is known, and two at a time.
  expect(await waits(3)).toEqual([50, 100, 150]);
  if (place.kind !== 'go') throw new Error('no place');
  await endpoints.report(first, place, { ...success, tookMs: 4_100 });
  await take();
  // (3 × 100 + 4100) / 4 = 1100 ms each.
  expect(await waits(2)).toEqual([700, 1_250]);
  clock.now += 5_000;
  expect(await waits(1)).toEqual([550]);
});

test('nobody waits in line for longer than a minute; the late ones come back at different times', async () => {
  const { endpoints, callTo, take } = setup({ perEndpoint: 1 });
  const first = callTo();
  const place = await endpoints.take(first, false);
  await take();
  if (place.kind !== 'go') throw new Error('no place');
  await endpoints.report(first, place, { ...success, tookMs: 400_000 });
  const waits = [];
  for (let i = 0; i < 6; i++) waits.push(await take());
  const late = waits.flatMap((one) => (one.kind === 'wait' ? [one.forMs] : []));
  expect(late).toHaveLength(5);
  expect(new Set(late).size).toBe(5);
  for (const ms of late) {
    expect(ms).toBeGreaterThanOrEqual(30_000);
    expect(ms).toBeLessThanOrEqual(60_000);
  }
});

test('so many failed events in a row open a circuit, and one event counts once', async () => {
  const { callTo, tried, fail, take, inTrouble } = setup();
  const same = callTo();
  for (let i = 0; i < 5; i++) expect(await tried({}, same)).toBe('');
  expect((await take()).kind).toBe('go');
  expect(await fail(2)).toEqual(['', 'opened']);
  expect((await take()).kind).toBe('slow');
  expect((await take(OTHER)).kind).toBe('go');
  expect(await inTrouble()).toMatchObject([{ endpoint: SHOP, state: 'failing' }]);
});

test('a success between failures means that they were not in a row', async () => {
  const { tried, fail, take } = setup();
  await fail(2);
  expect(await tried(success)).toBe('');
  expect(await fail(2)).toEqual(['', '']);
  expect((await take()).kind).toBe('go');
});

test('what was learned of no endpoint neither opens nor closes its circuit', async () => {
  const { callTo, tried, fail, take } = setup();
  await fail(2);
  expect(await tried({ result: 'ignored', code: '' })).toBe('');
  expect(await fail(1)).toEqual(['opened']);
  expect(await tried({ result: 'ignored', code: '' }, callTo(SHOP, 'slow'))).toBe('');
  expect((await take()).kind).toBe('slow');
});

test('a success in time closes a circuit, one that took too long leaves it open', async () => {
  const { callTo, tried, fail, take, inTrouble } = setup();
  await fail(3, { code: 'timeout', tookMs: 5_000 });
  expect(await inTrouble()).toMatchObject([{ state: 'slow', lastFailure: { code: 'timeout' } }]);
  expect(await tried({ ...success, tookMs: 7_000 }, callTo(SHOP, 'slow'))).toBe('');
  expect((await take()).kind).toBe('slow');
  expect(await tried({ ...success, tookMs: 40 }, callTo(SHOP, 'slow'))).toBe('closed');
  expect((await take()).kind).toBe('go');
  expect(await inTrouble()).toEqual([]);
});

test('in the slow lane, who has no reason to be there goes back, unless it is to stay', async () => {
  const { fail, take } = setup({ perEndpoint: 4, perTenant: 8 });
  expect((await take(SHOP, 'slow')).kind).toBe('fast');
  expect((await take(SHOP, 'slow', true)).kind).toBe('go');
  await fail(1);
  expect((await take(SHOP, 'slow')).kind).toBe('go');
});

test('an endpoint that only failed for days is disabled, once, until it is enabled', async () => {
  const { clock, callTo, tried, fail, take, inTrouble, enable } = setup();
  const inSlowLane = () => callTo(SHOP, 'slow');
  await fail(3);
  clock.now += 3 * DAY_MS - 1;
  expect(await tried({}, inSlowLane())).toBe('');
  clock.now += 1;
  const [place, call] = [await take(SHOP, 'slow'), inSlowLane()];
  expect(place.kind).toBe('go');
  expect(await tried({ code: 'http_503' }, call)).toBe('disabled');
  expect((await take()).kind).toBe('disabled');
  expect((await take(SHOP, 'slow', true)).kind).toBe('disabled');
  expect(await inTrouble()).toMatchObject([
    { state: 'disabled', since: clock.now, lastFailure: { code: 'http_503', at: clock.now } },
  ]);
  expect(await enable(SHOP)).toBe(true);
  expect(await enable(SHOP)).toBe(false);
  expect((await take()).kind).toBe('go');
});

test('a slow success is no failure: an endpoint that has one is not disabled', async () => {
  const { clock, callTo, tried, fail } = setup();
  await fail(3);
  clock.now += 2 * DAY_MS;
  await tried({ ...success, tookMs: 9_000 }, callTo(SHOP, 'slow'));
  clock.now += 2 * DAY_MS;
  expect(await tried({}, callTo(SHOP, 'slow'))).toBe('');
  clock.now += 3 * DAY_MS;
  expect(await tried({}, callTo(SHOP, 'slow'))).toBe('disabled');
});

test('an endpoint that has been quiet for a week is forgotten; a disabled one after a month', async () => {
  const { clock, callTo, tried, fail, take, inTrouble } = setup({ disableAfterMs: DAY_MS });
  await fail(3);
  clock.now += DAY_MS;
  expect(await tried({}, callTo(SHOP, 'slow'))).toBe('disabled');
  await fail(3, {}, OTHER);
  const known = async () => (await inTrouble()).map(({ endpoint }) => endpoint);
  expect((await known()).sort()).toEqual([OTHER, SHOP]);
  clock.now += 7 * DAY_MS + 1;
  expect(await known()).toEqual([SHOP]);
  expect((await take(OTHER)).kind).toBe('go');
  clock.now += 23 * DAY_MS;
  expect(await known()).toEqual([]);
  expect((await take()).kind).toBe('go');
});

test('it is counted which events wait for an endpoint, and each only once', async () => {
  const { callTo, tried, fail, take, inTrouble } = setup();
  const first = callTo();
  await tried({}, first);
  await tried({}, first);
  await fail(2);
  await take();
  const waiting = async () => (await inTrouble()).map((one) => one.waiting);
  expect(await waiting()).toEqual([4]);
  await tried({ isOver: true }, { ...first, lane: 'slow' });
  expect(await waiting()).toEqual([3]);
});

test('of a tenant no more than a hundred endpoints are remembered; the quietest makes room', async () => {
  const { redis, keys, tenant, clock, fail } = setup();
  for (let i = 0; i < 103; i++) {
    clock.now += 1;
    await fail(1, {}, `https://shop-${i}.example.com`);
  }
  const known = await redis.hkeys(keys.endpoints(tenant));
  expect(known).toHaveLength(100);
  expect(known).not.toContain('https://shop-2.example.com');
  expect(known).toContain('https://shop-3.example.com');
});

test('everything that is remembered of a tenant ends by itself', async () => {
  const { redis, keys, tenant, fail, take } = setup({ perEndpoint: 1 });
  await fail(3);
  for (let i = 0; i < 2; i++) await take(OTHER);
  for (let i = 0; i < 2; i++) await take(OTHER, 'slow', true);
  const names = await redis.keys(`${keys.prefix}*:${tenant}`);
  expect(names).toHaveLength(6);
  for (const name of names) expect(await redis.pttl(name), name).toBeGreaterThan(0);
});

test('what is stored of an endpoint and is none counts as nothing, and is written anew', async () => {
  for (const odd of ['', 'nonsense', '[]', '{"failed":{}}', '{"failed":[],"since":"x"}', 'null']) {
    const { redis, keys, tenant, fail, take, inTrouble } = setup();
    await redis.hset(keys.endpoints(tenant), SHOP, odd);
    expect((await take()).kind, odd).toBe('go');
    expect(await inTrouble(), odd).toEqual([]);
    expect(await fail(3), odd).toEqual(['', '', 'opened']);
  }
});

test.each([
  ['take: a time that is none', 'Take', { 0: 'NaN' }],
  ['take: a lease at infinity', 'Take', { 6: 'inf' }],
  ['report: a time that is none', 'Report', { 0: '' }],
  ['report: a duration below nothing', 'Report', { 7: '-1' }],
] as const)('%s raises before anything is written', async (_title, name, odd) => {
  const { redis, keys, tenant, fail } = setup();
  await fail(2);
  const names = [
    ...[keys.endpoints(tenant), keys.endpointsWaitedFor(tenant)],
    ...[keys.callbacksUnderWay('fast', tenant), keys.callbackLines('fast', tenant)],
  ];
  const args = {
    Take: [NOW, SHOP, 'evt_x', 'fast', '', 'a', 1_000, 1, 1, 100, 60_000, 1_000, 10],
    Report: [NOW, SHOP, 'evt_x', 'a', 'failure', 'http_500', '', 20, 500, 3, 1_000, 100, 1_000, 10],
  }[name];
  const spoilt = args.map(
    (arg, place) => Object.entries(odd).find(([at]) => Number(at) === place)?.[1] ?? arg,
  );
  const before = await contentsOf(redis, keys.prefix);
  await expect(redis[`catwalkEndpoint${name}`](4, ...names, ...spoilt)).rejects.toThrow(/catwalk/);
  expect(await contentsOf(redis, keys.prefix)).toEqual(before);
});
