import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CircuitSettings,
  createCircuits,
  openCircuits,
  type Permit,
  type Went,
} from '../../src/store/circuit.ts';
import { minutes, NOW } from '../generation/fixtures.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

let providers = 0;

/** The circuits of a provider of the test's own, as two processes see them. */
function setup(changes: Partial<CircuitSettings> = {}) {
  const { redis, keys } = testRedis;
  const provider = `p${providers++}`;
  const clock = { now: NOW };
  const settings = { failures: 3, openMs: 10_000, probeMs: 90_000, spacingMs: 0, ...changes };
  const process = () => createCircuits({ redis, keys, provider, settings, now: () => clock.now });
  const [here, there] = [process(), process()];

  /** One submission from permit to report. */
  async function submit(went: Went, model = 'm', at = here) {
    const permit = await at.ask(model);
    if (permit.kind === 'held') return permit;
    return at.report(model, permit, went);
  }

  async function opened(): Promise<number> {
    for (let n = 0; n < settings.failures - 1; n++) expect(await submit('failed')).toBeUndefined();
    const openUntil = clock.now + settings.openMs;
    expect(await submit('failed')).toEqual({ openUntil });
    return openUntil;
  }

  const kinds = (permits: readonly Permit[]) => permits.map(({ kind }) => kind);
  return { redis, keys, provider, clock, here, there, submit, opened, kinds };
}

test('failures in a row, wherever in the fleet, open the circuit of that model alone', async () => {
  const { clock, here, there, submit } = setup();
  await submit('failed', 'm', here);
  await submit('failed', 'm', there);
  expect(await there.ask('m')).toEqual({ kind: 'go', clean: false });
  expect(await submit('failed', 'm', there)).toEqual({ openUntil: NOW + 10_000 });
  expect(await here.ask('m')).toEqual({ kind: 'held', until: NOW + 10_000 });
  expect(await here.ask('other')).toEqual({ kind: 'go', clean: true });
  clock.now += 9_999;
  expect(await here.ask('m')).toEqual({ kind: 'held', until: NOW + 10_000 });
});

test('a success in between, or a minute, makes the count begin again', async () => {
  const { clock, submit } = setup();
  await submit('failed');
  await submit('failed');
  await submit('worked');
  await submit('failed');
  await submit('failed');
  clock.now += minutes(1) + 1;
  expect(await submit('failed')).toBeUndefined();
  await submit('failed');
  expect(await submit('failed')).toEqual({ openUntil: clock.now + 10_000 });
});

test('when its time is over one probe is let through, for the whole fleet', async () => {
  const { clock, here, there, opened, kinds } = setup();
  clock.now = await opened();
  const asked = Array.from({ length: 20 }, (_, n) => (n % 2 ? here : there).ask('m'));
  const permits = await Promise.all(asked);
  expect(kinds(permits).filter((kind) => kind === 'probe')).toHaveLength(1);
  const held = permits.filter(({ kind }) => kind === 'held');
  expect(held).toHaveLength(19);
  // They look again soon, rather than wait out a probe that was lost.
  for (const permit of held) expect(permit).toEqual({ kind: 'held', until: clock.now + 3_000 });
});

test('a probe that works closes the circuit', async () => {
  const { clock, here, submit, opened } = setup();
  clock.now = await opened();
  expect(await submit('worked')).toBe('closed');
  expect(await here.ask('m')).toEqual({ kind: 'go', clean: true });
});

test('each probe that fails doubles the time it is open, up to five minutes', async () => {
  const { clock, submit, opened } = setup();
  clock.now = await opened();
  for (const openMs of [20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
    expect(await submit('failed')).toEqual({ openUntil: clock.now + openMs });
    clock.now += openMs;
  }
  expect(await submit('worked')).toBe('closed');
  clock.now = await opened();
});

test('a probe that found nothing to send leaves its place to the next', async () => {
  const { clock, here, submit, opened } = setup();
  clock.now = await opened();
  expect(await submit('not-sent')).toBeUndefined();
  expect(await here.ask('m')).toMatchObject({ kind: 'probe' });
});

test('a probe whose worker died keeps the others back for as long as a probe may take', async () => {
  const { clock, here, opened } = setup();
  clock.now = await opened();
  await here.ask('m');
  clock.now += 89_999;
  expect(await here.ask('m')).toMatchObject({ kind: 'held' });
  clock.now += 1;
  expect(await here.ask('m')).toMatchObject({ kind: 'probe' });
});

test('a probe that was given up on has nothing more to say', async () => {
  const { clock, here, there, opened } = setup();
  clock.now = await opened();
  const slow = await here.ask('m');
  clock.now += 90_000;
  const next = await there.ask('m');
  if (slow.kind !== 'probe' || next.kind !== 'probe') throw new Error('no two probes');
  for (const went of ['not-sent', 'failed', 'worked'] as const) {
    expect(await here.report('m', slow, went)).toBeUndefined();
    expect(await here.ask('m')).toMatchObject({ kind: 'held' });
  }
  expect(await there.report('m', next, 'worked')).toBe('closed');
});

test('held submissions stand in line, so that their looks leave the rate to others', async () => {
  const { clock, here, there, opened } = setup({ spacingMs: 1_500 });
  const openUntil = await opened();
  const untils: number[] = [];
  for (let n = 0; n < 4; n++) {
    const permit = await (n % 2 ? here : there).ask('m');
    untils.push(permit.kind === 'held' ? permit.until - openUntil : Number.NaN);
  }
  expect(untils).toEqual([0, 1_500, 3_000, 4_500]);
  clock.now = openUntil;
  expect(await here.ask('m')).toMatchObject({ kind: 'probe' });
  // Who looks in vain goes to the end of the line.
  expect(await there.ask('m')).toEqual({ kind: 'held', until: openUntil + 6_000 });
});

test('what was sent before it opened has nothing more to say', async () => {
  const { here, opened } = setup();
  const before = [await here.ask('m'), await here.ask('m')];
  const until = await opened();
  for (const [n, permit] of before.entries()) {
    if (permit.kind === 'held') throw new Error('held before it opened');
    expect(await here.report('m', permit, n === 0 ? 'worked' : 'failed')).toBeUndefined();
  }
  expect(await here.ask('m')).toEqual({ kind: 'held', until });
});

test('with no number of failures it never opens', async () => {
  const { here, submit } = setup({ failures: 0 });
  for (let n = 0; n < 20; n++) await submit('failed');
  expect(await here.ask('m')).toEqual({ kind: 'go', clean: true });
});

test('operators see which are open, and nothing is kept for ever', async () => {
  const { redis, keys, provider, opened, submit } = setup();
  await submit('failed', 'other');
  const openUntil = await opened();
  expect(await openCircuits(redis, keys, provider)).toEqual({ m: openUntil });
  expect(await redis.pttl(keys.circuits(provider))).toBeGreaterThan(0);
});
