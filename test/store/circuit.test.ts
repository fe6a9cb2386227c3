import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CircuitSettings,
  createCircuits,
  openCircuits,
  type Permit,
  type SubmissionResult,
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
  async function submit(result: SubmissionResult, model = 'm', at = here) {
    const permit = await at.ask(model);
    if (permit.kind === 'open') return permit;
    return at.report(model, permit, result);
  }

  async function opened(): Promise<number> {
    for (let n = 0; n < settings.failures - 1; n++) expect(await submit('failure')).toBeUndefined();
    const openUntil = clock.now + settings.openMs;
    expect(await submit('failure')).toEqual({ openUntil });
    return openUntil;
  }

  const kinds = (permits: readonly Permit[]) => permits.map(({ kind }) => kind);
  return { redis, keys, provider, clock, here, there, submit, opened, kinds };
}

test('failures in a row, wherever in the fleet, open the circuit of that model alone', async () => {
  const { clock, here, there, submit } = setup();
  await submit('failure', 'm', here);
  await submit('failure', 'm', there);
  expect(await there.ask('m')).toEqual({ kind: 'closed', clean: false });
  expect(await submit('failure', 'm', there)).toEqual({ openUntil: NOW + 10_000 });
  expect(await here.ask('m')).toEqual({ kind: 'open', until: NOW + 10_000 });
  expect(await here.ask('other')).toEqual({ kind: 'closed', clean: true });
  clock.now += 9_999;
  expect(await here.ask('m')).toEqual({ kind: 'open', until: NOW + 10_000 });
});

test('a success in between, or a minute, makes the count begin again', async () => {
  const { clock, submit } = setup();
  await submit('failure');
  await submit('failure');
  await submit('success');
  await submit('failure');
  await submit('failure');
  clock.now += minutes(1) + 1;
  expect(await submit('failure')).toBeUndefined();
  await submit('failure');
  expect(await submit('failure')).toEqual({ openUntil: clock.now + 10_000 });
});

test('when its time is over one probe is let through, for the whole fleet', async () => {
  const { clock, here, there, opened, kinds } = setup();
  clock.now = await opened();
  const asked = Array.from({ length: 20 }, (_, n) => (n % 2 ? here : there).ask('m'));
  const permits = await Promise.all(asked);
  expect(kinds(permits).filter((kind) => kind === 'half-open')).toHaveLength(1);
  const waiting = permits.filter(({ kind }) => kind === 'open');
  expect(waiting).toHaveLength(19);
  // They ask again soon, rather than wait out a probe that was lost.
  for (const permit of waiting) expect(permit).toEqual({ kind: 'open', until: clock.now + 3_000 });
});

test('a probe that succeeds closes the circuit', async () => {
  const { clock, here, submit, opened } = setup();
  clock.now = await opened();
  expect(await submit('success')).toBe('closed');
  expect(await here.ask('m')).toEqual({ kind: 'closed', clean: true });
});

test('each probe that fails doubles the time it is open, up to five minutes', async () => {
  const { clock, submit, opened } = setup();
  clock.now = await opened();
  for (const openMs of [20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
    expect(await submit('failure')).toEqual({ openUntil: clock.now + openMs });
    clock.now += openMs;
  }
  expect(await submit('success')).toBe('closed');
  clock.now = await opened();
});

test('a probe that found nothing to send leaves its place to the next', async () => {
  const { clock, here, submit, opened } = setup();
  clock.now = await opened();
  expect(await submit('ignored')).toBeUndefined();
  expect(await here.ask('m')).toMatchObject({ kind: 'half-open' });
});

test('a probe whose worker died keeps the others back for as long as a probe may take', async () => {
  const { clock, here, opened } = setup();
  clock.now = await opened();
  await here.ask('m');
  clock.now += 89_999;
  expect(await here.ask('m')).toMatchObject({ kind: 'open' });
  clock.now += 1;
  expect(await here.ask('m')).toMatchObject({ kind: 'half-open' });
});

test('a probe that was given up on has nothing more to say', async () => {
  const { clock, here, there, opened } = setup();
  clock.now = await opened();
  const slow = await here.ask('m');
  clock.now += 90_000;
  const next = await there.ask('m');
  if (slow.kind !== 'half-open' || next.kind !== 'half-open') throw new Error('no two probes');
  for (const result of ['ignored', 'failure', 'success'] as const) {
    expect(await here.report('m', slow, result)).toBeUndefined();
    expect(await here.ask('m')).toMatchObject({ kind: 'open' });
  }
  expect(await there.report('m', next, 'success')).toBe('closed');
});

test('waiting submissions stand in line, so that those that ask again leave the rate to others', async () => {
  const { clock, here, there, opened } = setup({ spacingMs: 1_500 });
  const openUntil = await opened();
  const untils: number[] = [];
  for (let n = 0; n < 4; n++) {
    const permit = await (n % 2 ? here : there).ask('m');
    untils.push(permit.kind === 'open' ? permit.until - openUntil : Number.NaN);
  }
  expect(untils).toEqual([0, 1_500, 3_000, 4_500]);
  clock.now = openUntil;
  expect(await here.ask('m')).toMatchObject({ kind: 'half-open' });
  // Who asks in vain goes to the end of the line.
  expect(await there.ask('m')).toEqual({ kind: 'open', until: openUntil + 6_000 });
});

test('what was sent before it opened has nothing more to say', async () => {
  const { here, opened } = setup();
  const before = [await here.ask('m'), await here.ask('m')];
  const until = await opened();
  for (const [n, permit] of before.entries()) {
    if (permit.kind === 'open') throw new Error('open before it opened');
    expect(await here.report('m', permit, n === 0 ? 'success' : 'failure')).toBeUndefined();
  }
  expect(await here.ask('m')).toEqual({ kind: 'open', until });
});

test('with no number of failures it never opens', async () => {
  const { here, submit } = setup({ failures: 0 });
  for (let n = 0; n < 20; n++) await submit('failure');
  expect(await here.ask('m')).toEqual({ kind: 'closed', clean: true });
});

test('operators see which are open, and nothing is kept for ever', async () => {
  const { redis, keys, provider, opened, submit } = setup();
  await submit('failure', 'other');
  const openUntil = await opened();
  expect(await openCircuits(redis, keys, provider)).toEqual({ m: openUntil });
  expect(await redis.pttl(keys.circuits(provider))).toBeGreaterThan(0);
});

/** As the releases before this one wrote it: `%d %d %d %s %d %.2f`. */
const written = (circuit: { openUntil: number; probeUntil: number; failures: number }) =>
  `${circuit.failures} ${circuit.openUntil > 0 ? 1 : 0} ${circuit.openUntil} ${circuit.probeUntil} ${NOW} 0.00`;

test('a circuit that an earlier release stored is understood: closed, open, half-open and probed', async () => {
  const { redis, keys, provider, clock, here, submit } = setup();
  const store = (model: string, circuit: Parameters<typeof written>[0]) =>
    redis.hset(keys.circuits(provider), model, written(circuit));
  await store('failing', { failures: 2, openUntil: 0, probeUntil: 0 });
  await store('open', { failures: 3, openUntil: NOW + 10_000, probeUntil: 0 });
  await store('probed', { failures: 3, openUntil: NOW - 1, probeUntil: NOW + 90_000 });
  await store('over', { failures: 3, openUntil: NOW - 1, probeUntil: 0 });

  expect(await submit('failure', 'failing')).toEqual({ openUntil: NOW + 10_000 });
  expect(await here.ask('open')).toEqual({ kind: 'open', until: NOW + 10_000 });
  expect(await here.ask('probed')).toEqual({ kind: 'open', until: NOW + 3_000 });
  expect(await submit('failure', 'over')).toEqual({ openUntil: NOW + 20_000 });
  clock.now = NOW + 10_000;
  expect(await submit('success', 'open')).toBe('closed');
});

test.each(['', 'nonsense', '1 2 3', '1 2 3 4 5 six', '{"failures":3,"openUntil":9}'])(
  'a stored circuit of no known shape, %j, counts as closed, and opens as a new one does',
  async (value) => {
    const { redis, keys, provider, here, opened } = setup();
    await redis.hset(keys.circuits(provider), 'm', value);
    expect(await here.ask('m')).toMatchObject({ kind: 'closed' });
    expect(await openCircuits(redis, keys, provider)).toEqual({});
    await opened();
  },
);
