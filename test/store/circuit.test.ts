import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CircuitSettings,
  createCircuits,
  openCircuits,
  type Permit,
  type Submission,
  type SubmissionResult,
  type Trouble,
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
  const { failures = 3 } = changes;
  const times = { openMs: 10_000, probeMs: 90_000, spacingMs: 0 };
  const settings = { failures, lostAnswers: failures, ...times, ...changes };
  const process = () => createCircuits({ redis, keys, provider, settings, now: () => clock.now });
  const [here, there] = [process(), process()];

  let generations = 0;
  /** A submission of a new generation, but for what is said of it. */
  const of = (about: Partial<Submission> = {}): Submission => {
    return { id: `gen_${++generations}`, tenant: 'acme', model: 'm', isFresh: true, ...about };
  };
  /** One submission from permit to report. */
  async function submit(result: SubmissionResult, about: Partial<Submission> = {}, at = here) {
    const submission = of(about);
    const permit = await at.ask(submission);
    if (permit.kind === 'open') return permit;
    return at.report(submission, permit, result);
  }

  async function opened(met: Trouble = 'failure'): Promise<number> {
    for (let n = 0; n < settings.failures - 1; n++) expect(await submit(met)).toBeUndefined();
    const openUntil = clock.now + settings.openMs;
    expect(await submit(met)).toMatchObject({ openUntil, met, again: false });
    return openUntil;
  }

  const kinds = (permits: readonly Permit[]) => permits.map(({ kind }) => kind);
  return { redis, keys, provider, clock, here, there, of, submit, opened, kinds };
}

test('failures in a row, wherever in the fleet, open the circuit of that model alone', async () => {
  const { clock, here, there, submit, of } = setup();
  await submit('failure', {}, here);
  await submit('failure', {}, there);
  expect(await there.ask(of())).toEqual({ kind: 'closed', clean: false });
  expect(await submit('failure', {}, there)).toMatchObject({ openUntil: NOW + 10_000 });
  expect(await here.ask(of())).toMatchObject({ kind: 'open', until: NOW + 10_000 });
  expect(await here.ask(of({ model: 'other' }))).toEqual({ kind: 'closed', clean: true });
  clock.now += 9_999;
  expect(await here.ask(of())).toMatchObject({ kind: 'open', until: NOW + 10_000 });
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
  expect(await submit('failure')).toMatchObject({ openUntil: clock.now + 10_000 });
});

test('when its time is over one probe is let through, for the whole fleet', async () => {
  const { clock, here, there, opened, kinds, of } = setup();
  clock.now = await opened();
  const asked = Array.from({ length: 20 }, (_, n) => (n % 2 ? here : there).ask(of()));
  const permits = await Promise.all(asked);
  expect(kinds(permits).filter((kind) => kind === 'half-open')).toHaveLength(1);
  const waiting = permits.filter(({ kind }) => kind === 'open');
  expect(waiting).toHaveLength(19);
  // They ask again soon, rather than wait out a probe that was lost.
  for (const permit of waiting)
    expect(permit).toMatchObject({ kind: 'open', until: clock.now + 3_000 });
});

test('a probe that succeeds closes the circuit', async () => {
  const { clock, here, submit, opened, of } = setup();
  clock.now = await opened();
  expect(await submit('success')).toBe('closed');
  expect(await here.ask(of())).toEqual({ kind: 'closed', clean: true });
});

test('each probe that fails doubles the time it is open, up to five minutes', async () => {
  const { clock, submit, opened } = setup();
  clock.now = await opened();
  for (const openMs of [20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
    expect(await submit('failure')).toMatchObject({ openUntil: clock.now + openMs });
    clock.now += openMs;
  }
  expect(await submit('success')).toBe('closed');
  clock.now = await opened();
});

test('a probe that found nothing to send leaves its place to the next', async () => {
  const { clock, here, submit, opened, of } = setup();
  clock.now = await opened();
  expect(await submit('ignored')).toBeUndefined();
  expect(await here.ask(of())).toMatchObject({ kind: 'half-open' });
});

test('a probe whose worker died keeps the others back for as long as a probe may take', async () => {
  const { clock, here, opened, of } = setup();
  clock.now = await opened();
  await here.ask(of());
  clock.now += 89_999;
  expect(await here.ask(of())).toMatchObject({ kind: 'open' });
  clock.now += 1;
  expect(await here.ask(of())).toMatchObject({ kind: 'half-open' });
});

test('a probe that was given up on has nothing more to say', async () => {
  const { clock, here, there, opened, of } = setup();
  clock.now = await opened();
  const slow = await here.ask(of());
  clock.now += 90_000;
  const next = await there.ask(of());
  if (slow.kind !== 'half-open' || next.kind !== 'half-open') throw new Error('no two probes');
  for (const result of ['ignored', 'failure', 'success'] as const) {
    expect(await here.report(of(), slow, result)).toBeUndefined();
    expect(await here.ask(of())).toMatchObject({ kind: 'open' });
  }
  expect(await there.report(of(), next, 'success')).toBe('closed');
});

test('waiting submissions stand in line, so that those that ask again leave the rate to others', async () => {
  const { clock, here, there, opened, of } = setup({ spacingMs: 1_500 });
  const openUntil = await opened();
  const untils: number[] = [];
  for (let n = 0; n < 4; n++) {
    const permit = await (n % 2 ? here : there).ask(of());
    untils.push(permit.kind === 'open' ? permit.until - openUntil : Number.NaN);
  }
  expect(untils).toEqual([0, 1_500, 3_000, 4_500]);
  clock.now = openUntil;
  expect(await here.ask(of())).toMatchObject({ kind: 'half-open' });
  // Who asks in vain goes to the end of the line.
  expect(await there.ask(of())).toMatchObject({ kind: 'open', until: openUntil + 6_000 });
});

test('what was sent before it opened has nothing more to say', async () => {
  const { here, opened, of } = setup();
  const before = [await here.ask(of()), await here.ask(of())];
  const until = await opened();
  for (const [n, permit] of before.entries()) {
    if (permit.kind === 'open') throw new Error('open before it opened');
    expect(await here.report(of(), permit, n === 0 ? 'success' : 'failure')).toBeUndefined();
  }
  expect(await here.ask(of())).toMatchObject({ kind: 'open', until });
});

test('with no number of failures it never opens', async () => {
  const { here, submit, of } = setup({ failures: 0 });
  for (let n = 0; n < 20; n++) await submit('failure');
  expect(await here.ask(of())).toEqual({ kind: 'closed', clean: true });
});

test('operators see which are open, and nothing is kept for ever', async () => {
  const { redis, keys, provider, opened, submit } = setup();
  await submit('failure', { model: 'other' });
  const openUntil = await opened();
  expect(await openCircuits(redis, keys, provider)).toEqual({
    m: { openUntil, met: 'failure', tenant: undefined },
  });
  expect(await redis.pttl(keys.circuits(provider))).toBeGreaterThan(0);
});

/** As the releases before this one wrote it: `%d %d %d %s %d %.2f`. */
const written = (circuit: { openUntil: number; probeUntil: number; failures: number }) =>
  `${circuit.failures} ${circuit.openUntil > 0 ? 1 : 0} ${circuit.openUntil} ${circuit.probeUntil} ${NOW} 0.00`;

test('a circuit that an earlier release stored is understood: closed, open, half-open and probed', async () => {
  const { redis, keys, provider, clock, here, submit, of } = setup();
  const store = (model: string, circuit: Parameters<typeof written>[0]) =>
    redis.hset(keys.circuits(provider), model, written(circuit));
  await store('failing', { failures: 2, openUntil: 0, probeUntil: 0 });
  await store('open', { failures: 3, openUntil: NOW + 10_000, probeUntil: 0 });
  await store('probed', { failures: 3, openUntil: NOW - 1, probeUntil: NOW + 90_000 });
  await store('over', { failures: 3, openUntil: NOW - 1, probeUntil: 0 });

  expect(await submit('failure', { model: 'failing' })).toMatchObject({ openUntil: NOW + 10_000 });
  expect(await here.ask(of({ model: 'open' }))).toMatchObject({
    kind: 'open',
    until: NOW + 10_000,
  });
  expect(await here.ask(of({ model: 'probed' }))).toMatchObject({
    kind: 'open',
    until: NOW + 3_000,
  });
  expect(await submit('failure', { model: 'over' })).toMatchObject({ openUntil: NOW + 20_000 });
  clock.now = NOW + 10_000;
  expect(await submit('success', { model: 'open' })).toBe('closed');
});

test.each(['', 'nonsense', '1 2 3', '1 2 3 4 5 six', '{"failures":3,"openUntil":9}'])(
  'a stored circuit of no known shape, %j, counts as closed, and opens as a new one does',
  async (value) => {
    const { redis, keys, provider, here, opened, of } = setup();
    await redis.hset(keys.circuits(provider), 'm', value);
    expect(await here.ask(of())).toMatchObject({ kind: 'closed' });
    expect(await openCircuits(redis, keys, provider)).toEqual({});
    await opened();
  },
);

const LONG_AGO = minutes(10) + 1;

describe('different generations', () => {
  test.each(['failure', 'unauthorized'] as const)(
    'the same generation that meets %s again and again does not open a circuit',
    async (result) => {
      const { clock, submit } = setup();
      for (let n = 0; n < 20; n++) {
        clock.now += 1_000;
        expect(await submit(result, { id: 'gen_poison', isFresh: n === 0 })).toBeUndefined();
      }
      expect(await submit(result)).toBeUndefined();
      expect(await submit(result)).toMatchObject({ met: result });
    },
  );

  test('a repeat does not make the others’ failures count for longer', async () => {
    const { clock, submit } = setup();
    await submit('failure', { id: 'gen_poison' });
    await submit('failure');
    clock.now += minutes(1);
    await submit('failure', { id: 'gen_poison' });
    clock.now += 1;
    expect(await submit('failure')).toBeUndefined();
  });

  test('refusals count for ten minutes, failures for one', async () => {
    const { clock, submit } = setup();
    await submit('out_of_credit');
    await submit('out_of_credit');
    clock.now += minutes(10);
    expect(await submit('out_of_credit')).toMatchObject({ met: 'out_of_credit' });
    const later = setup();
    await later.submit('out_of_credit');
    await later.submit('out_of_credit');
    later.clock.now += LONG_AGO;
    expect(await later.submit('out_of_credit')).toBeUndefined();
  });

  test('who refuses is not down: failures and refusals are counted apart', async () => {
    const { submit } = setup();
    for (const result of ['failure', 'failure', 'unauthorized', 'out_of_credit'] as const) {
      expect(await submit(result)).toBeUndefined();
    }
    expect(await submit('unauthorized')).toMatchObject({ met: 'unauthorized' });
  });

  test('a probe that is refused ends an outage; one that fails ends no refusal', async () => {
    const down = setup();
    down.clock.now = await down.opened();
    expect(await down.submit('unauthorized')).toBe('closed');
    const { clock, here, of, opened, submit } = setup();
    clock.now = await opened('unauthorized');
    expect(await submit('failure')).toMatchObject({ met: 'failure', again: true });
    expect(await here.ask(of({ tenant: 'another' }))).toMatchObject({ kind: 'open' });
  });
});

describe('a circuit that was opened by refusals', () => {
  test('says so to whoever waits and whoever watches', async () => {
    const { redis, keys, provider, here, of, opened } = setup();
    const openUntil = await opened('out_of_credit');
    const met = 'out_of_credit';
    expect(await here.ask(of())).toEqual({ kind: 'open', until: openUntil, met });
    const shown = { m: { openUntil, met, tenant: 'acme' } };
    expect(await openCircuits(redis, keys, provider)).toEqual(shown);
  });

  test('keeps back only the tenant that was refused', async () => {
    const { here, of, opened, submit } = setup();
    await opened('unauthorized');
    expect(await here.ask(of({ tenant: 'other' }))).toEqual({ kind: 'closed', clean: false });
    expect(await here.ask(of())).toMatchObject({ kind: 'open' });
    expect(await submit('success', { tenant: 'other' })).toBe('closed');
    expect(await here.ask(of())).toEqual({ kind: 'closed', clean: true });
  });

  test('keeps everybody back when a second tenant is refused, and begins with the shortest time', async () => {
    const { clock, here, of, opened, submit } = setup();
    clock.now = await opened('unauthorized');
    expect(await submit('unauthorized')).toMatchObject({ tenant: 'acme', again: true });
    const news = await submit('unauthorized', { tenant: 'other' });
    const openUntil = clock.now + 10_000;
    expect(news).toEqual({ openUntil, met: 'unauthorized', tenant: undefined, again: false });
    expect(await here.ask(of({ tenant: 'third' }))).toMatchObject({ kind: 'open' });
  });

  test('two tenants, refused in turn, open it for everybody', async () => {
    const { here, of, submit } = setup();
    await submit('unauthorized', { tenant: 'a' });
    await submit('unauthorized', { tenant: 'b' });
    expect(await submit('unauthorized', { tenant: 'a' })).toMatchObject({ tenant: undefined });
    expect(await here.ask(of({ tenant: 'c' }))).toMatchObject({ kind: 'open' });
  });

  test('an outage keeps everybody back, whoever met it', async () => {
    const { here, of, opened } = setup();
    await opened('failure');
    expect(await here.ask(of({ tenant: 'other' }))).toMatchObject({ kind: 'open' });
  });

  test('one that another tenant finds down counts for the outage, and keeps nobody back yet', async () => {
    const { here, of, opened, submit } = setup();
    await opened('unauthorized');
    expect(await submit('failure', { tenant: 'other' })).toBe('closed');
    expect(await here.ask(of())).toEqual({ kind: 'closed', clean: false });
    await submit('failure', { tenant: 'other' });
    expect(await submit('failure')).toMatchObject({ met: 'failure', tenant: undefined });
  });
});

describe('the probe', () => {
  test('is one that has not failed before, for the first seconds', async () => {
    const { clock, here, of, opened } = setup();
    const openUntil = await opened();
    expect(await here.ask(of({ isFresh: false }))).toMatchObject({ until: openUntil + 3_000 });
    clock.now = openUntil;
    const notYet = { kind: 'open', until: openUntil + 3_000 };
    expect(await here.ask(of({ isFresh: false }))).toMatchObject(notYet);
    expect(await here.ask(of())).toMatchObject({ kind: 'half-open' });
  });

  test('is one that has failed, where no other asked', async () => {
    const { clock, here, of, opened } = setup();
    clock.now = (await opened()) + 3_000;
    expect(await here.ask(of({ isFresh: false }))).toMatchObject({ kind: 'half-open' });
  });

  test('is first another tenant’s than the last that failed', async () => {
    const { clock, here, of, submit } = setup();
    for (const tenant of ['quiet', 'noisy', 'noisy']) await submit('unauthorized', { tenant });
    clock.now += 10_000;
    expect(await here.ask(of({ tenant: 'noisy' }))).toMatchObject({ until: clock.now + 3_000 });
    expect(await here.ask(of({ tenant: 'quiet' }))).toMatchObject({ kind: 'half-open' });
  });
});

test('who failed is remembered up to a number, and so is no circuit ever large', async () => {
  const { redis, keys, provider, submit } = setup({ failures: 1_000 });
  for (let n = 0; n < 200; n++) await submit('failure', { tenant: 't'.repeat(64) });
  expect(await redis.hstrlen(keys.circuits(provider), 'm')).toBeLessThan(10_000);
});

test('where a lost answer cannot be made good, fewer of them open it, and no fewer refusals', async () => {
  const { submit } = setup({ failures: 3, lostAnswers: 2 });
  expect(await submit('unauthorized')).toBeUndefined();
  expect(await submit('unauthorized')).toBeUndefined();
  const other = setup({ failures: 3, lostAnswers: 2 });
  expect(await other.submit('failure')).toBeUndefined();
  expect(await other.submit('failure')).toMatchObject({ met: 'failure' });
});
