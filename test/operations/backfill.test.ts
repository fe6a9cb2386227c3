import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import type { Generation, InState } from '../../src/generation/generation.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { findAffected } from '../../src/operations/affected.ts';
import type { Owing } from '../../src/store/reschedule.ts';
import { scheduleOf } from '../../src/store/schedule.ts';
import { createStore } from '../../src/store/store.ts';
import { RECORDS } from '../generation/fixtures.ts';
import { namespaceIn, redisUrl } from '../http/setup.ts';
import { contentsOf } from '../support/contents.ts';
import { NO_TURNS } from '../support/no-turns.ts';
import { pipelineEnv } from '../support/pipeline.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { runOperation, startOperation } from './run-operation.ts';

const HOUR = 3_600_000;
const SECRETIVE = 'https://private.example/person.png?token=abc';

type State = keyof typeof RECORDS;

/** Records on keys of their own, and nobody who would work on them. */
async function setup() {
  const namespace = `b-${randomUUID()}`;
  const { redis, keys } = await namespaceIn(redisUrl(), namespace);
  const store = createStore({
    redis,
    keys,
    retentionMs: HOUR,
    matchedByTask: new Set(),
    ...NO_TURNS,
  });
  const now = Date.now();

  /** One that is next due in an hour, whatever its state. */
  async function make<S extends State>(state: S, changes: Partial<Generation> = {}) {
    const createdAt = now - 60_000;
    const record = {
      ...RECORDS[state],
      id: newGenerationId(now),
      version: 0,
      input: { personImage: SECRETIVE },
      createdAt,
      dueAt: now + HOUR,
      ...('submittedAt' in RECORDS[state] && { submittedAt: createdAt }),
      ...changes,
    } as (typeof RECORDS)[S] & Owing; // what the fixture of this state is, with other times
    await store.create(record);
    return record;
  }
  const dueOf = async (g: Generation): Promise<number | undefined> => {
    const schedules = [keys.checks(g.provider), keys.owed(g.provider)];
    const scores = await Promise.all(schedules.map((schedule) => redis.zscore(schedule, g.id)));
    const score = scores.find((one) => one !== null);
    return score == null ? undefined : Number(score);
  };
  const lose = (g: Generation) => redis.zrem(scheduleOf(keys, g), g.id);
  async function notify(g: Generation): Promise<void> {
    const { dueAt: _, ...notified } = g as InState<'completed'>; // the tests notify only such
    await store.saveAll([notified]);
  }
  const contents = () => contentsOf(redis, keys.prefix);
  async function rounds(provider: string): Promise<number> {
    const queue = new Queue(queueNames.poll(provider), { connection: redis, prefix: keys.prefix });
    const count = await queue.getJobCountByTypes('waiting', 'delayed');
    await queue.close();
    return count;
  }
  const env = pipelineEnv('http://127.0.0.1:1', namespace);
  const backfill = async (...flags: string[]) => {
    const args = ['backfill', '--since', '2h', '--no-wait', '--json', ...flags];
    const { code, said, complained } = await runOperation(args, env);
    expect(complained.filter((line) => !line.includes('"level":40'))).toEqual([]);
    expect(code).toBe(0);
    expect(said).toHaveLength(1);
    return JSON.parse(said[0] ?? '');
  };
  return { redis, keys, store, now, make, dueOf, lose, notify, contents, rounds, env, backfill };
}

describe('what backfill touches', () => {
  test('what is submitted is due now, and a round is there to check it', async () => {
    const { make, dueOf, rounds, backfill } = await setup();
    const waiting = await make('submitted');
    const report = await backfill();
    expect(report).toMatchObject({
      dryRun: false,
      unreadable: 0,
      checkedOrEnded: null,
      providers: [
        { provider: 'fitinview', waiting: 0, putBack: 0, leftAlone: {} },
        { provider: 'fashn', waiting: 1, putBack: 0, leftAlone: {} },
      ],
    });
    expect(await dueOf(waiting)).toBeLessThanOrEqual(Date.now());
    expect([await rounds('fashn'), await rounds('fitinview')]).toEqual([1, 0]);
  });

  test('one that waits for something else is never hurried', async () => {
    const { make, now, dueOf, rounds, backfill } = await setup();
    const states = ['queued', 'submitting', 'unconfirmed', 'completed'] as const;
    const records = await Promise.all(states.map((state) => make(state)));
    const { providers } = await backfill();
    const leftAlone = { queued: 1, submitting: 1, unconfirmed: 1, completed: 1 };
    expect(providers[1]).toEqual({
      provider: 'fashn',
      waiting: 0,
      putBack: 0,
      leftAlone,
      checksTakeMs: 0,
    });
    for (const record of records) expect(await dueOf(record), record.state).toBe(now + HOUR);
    expect(await rounds('fashn')).toBe(0);
  });

  test('one that owes something and is missing in the schedule is put back at its own due time', async () => {
    const { make, lose, now, dueOf, rounds, backfill } = await setup();
    const states = ['queued', 'submitting', 'unconfirmed', 'completed', 'failed'] as const;
    const records = await Promise.all(states.map((state) => make(state)));
    await Promise.all(records.map(lose));
    const { providers } = await backfill();
    expect(providers[1]).toMatchObject({ waiting: 0, putBack: 5, leftAlone: {} });
    for (const record of records) expect(await dueOf(record), record.state).toBe(now + HOUR);
    expect(await rounds('fashn')).toBe(1);
  });

  test('one that is submitted and missing in the schedule is put back and due now', async () => {
    const { make, lose, dueOf, backfill } = await setup();
    const record = await make('submitted');
    await lose(record);
    const { providers } = await backfill();
    expect(providers[1]).toMatchObject({ waiting: 1, putBack: 0 });
    expect(await dueOf(record)).toBeLessThanOrEqual(Date.now());
  });

  test('one that has been notified owes nothing, and stays out of the schedule', async () => {
    const { make, notify, dueOf, backfill } = await setup();
    const record = await make('completed');
    await notify(record);
    const { providers } = await backfill();
    expect(providers[1]).toMatchObject({ putBack: 0, leftAlone: { completed: 1 } });
    expect(await dueOf(record)).toBeUndefined();
  });

  test('what is older than --since is not touched, unless it was submitted since', async () => {
    const { make, now, dueOf, backfill } = await setup();
    const [old, late] = [
      await make('submitted', { createdAt: now - 3 * HOUR, submittedAt: now - 3 * HOUR }),
      await make('submitted', { createdAt: now - 3 * HOUR, submittedAt: now - HOUR }),
    ];
    const { providers } = await backfill();
    expect(providers[1]).toMatchObject({ waiting: 1 });
    expect(await dueOf(old)).toBe(now + HOUR);
    expect(await dueOf(late)).toBeLessThanOrEqual(Date.now());
  });

  test('only the providers asked for are touched, and only those that are switched on', async () => {
    const { make, now, dueOf, backfill } = await setup();
    const [fashn, fitinview, kling] = [
      await make('submitted'),
      await make('submitted', { provider: 'fitinview' }),
      await make('submitted', { provider: 'kling' }),
    ];
    const { providers } = await backfill('--provider', 'fitinview');
    expect(providers).toMatchObject([{ provider: 'fitinview', waiting: 1 }]);
    expect(await dueOf(fitinview)).toBeLessThanOrEqual(Date.now());
    expect([await dueOf(fashn), await dueOf(kling)]).toEqual([now + HOUR, now + HOUR]);
  });

  test('a record that cannot be read is passed over and counted', async () => {
    const { make, redis, keys, backfill } = await setup();
    const record = await make('submitted');
    await redis.set(keys.record(record.id), '1\n{"state":"from the future"}');
    expect(await backfill()).toMatchObject({ unreadable: 1, providers: [{}, { waiting: 0 }] });
  });
});

describe('a record that moves between being read and being made due', () => {
  /** Time is asked for exactly in between; the rival's command is sent first on this connection. */
  async function backfillBeside(
    world: Awaited<ReturnType<typeof setup>>,
    rival: () => Promise<unknown>,
  ) {
    let rivalry: Promise<unknown> | undefined;
    const now = (): number => {
      rivalry ??= rival();
      return world.now;
    };
    const findings = await findAffected(
      { redis: world.redis, keys: world.keys, store: world.store, now },
      { providers: ['fashn'], since: world.now - HOUR, dryRun: false },
    );
    await rivalry;
    return findings.byProvider.get('fashn');
  }

  test('and is notified, is not due again', async () => {
    const world = await setup();
    const record = await world.make('completed');
    await world.lose(record);
    const affected = await backfillBeside(world, () => world.notify(record));
    expect(await world.dueOf(record)).toBeUndefined();
    expect(affected).toMatchObject({ putBack: 0, leftAlone: new Map([['completed', 1]]) });
  });

  test('and ends, is left to those who notify', async () => {
    const world = await setup();
    const record = await world.make('submitted');
    const dueAt = world.now + 30_000;
    const { deadlineAt: _, ...rest } = record;
    const affected = await backfillBeside(world, () =>
      world.store.saveAll([
        { ...rest, state: 'completed', results: [], finishedAt: world.now, via: 'webhook', dueAt },
      ]),
    );
    expect(await world.dueOf(record)).toBe(dueAt);
    expect(affected?.waiting).toEqual([]);
  });

  test('and is being sent now, is not hurried', async () => {
    const world = await setup();
    const record = await world.make('queued');
    const dueAt = world.now + 35_000;
    await backfillBeside(world, () =>
      world.store.saveAll([{ ...record, state: 'submitting', firstSentAt: world.now, dueAt }]),
    );
    expect(await world.dueOf(record)).toBe(dueAt);
  });

  test('and waits for its provider again, is made due as it is now', async () => {
    const world = await setup();
    const record = await world.make('submitted');
    const dueAt = world.now + HOUR;
    const affected = await backfillBeside(world, () =>
      world.store.saveAll([{ ...record, polls: 5, dueAt }]),
    );
    expect(await world.dueOf(record)).toBe(world.now);
    expect(affected?.waiting).toEqual([{ id: record.id, polls: 5 }]);
  });
});

test('a dry run writes nothing, and says what would be done', async () => {
  const { make, lose, notify, contents, env } = await setup();
  await Promise.all(Array.from({ length: 700 }, () => make('submitted')));
  await lose(await make('queued'));
  await lose(await make('submitted', { provider: 'fitinview' }));
  await make('queued');
  await notify(await make('completed'));
  const before = await contents();
  const { code, said } = await runOperation(['backfill', '--since', '2h', '--dry-run'], {
    ...env,
    FASHN_POLLS_PER_SECOND: '0.5',
  });
  expect(code).toBe(0);
  expect(said).toEqual([
    'provider   waiting for it  put back  checks take  left alone',
    'fitinview  1               0         no time      0',
    expect.stringMatching(/^fashn {6}700 {13}1 {9}24 min {7}1 (queued, 1 comp|completed, 1 q)/),
    'Nothing was written.',
  ]);
  expect(await contents()).toEqual(before);
});

test('neither input nor a secret is ever printed', async () => {
  const { make, env } = await setup();
  await make('submitted', { metadata: { note: 'between us' }, callbackUrl: SECRETIVE });
  for (const flags of [['--dry-run'], ['--no-wait', '--json']]) {
    const { said, complained } = await runOperation(['backfill', '--since', '2h', ...flags], {
      ...env,
      LOG_LEVEL: 'debug',
    });
    const text = [...said, ...complained].join('\n');
    expect(text).toContain('fashn');
    expect(text).not.toMatch(/private\.example|between us|fa-tests|gen_/);
  }
});

describe('how it is called', () => {
  test.each([
    [['backfill', '--since', '2w'], '--since: give a time ago'],
    [['backfill', '--since', '2h', '--provider', 'klng'], 'klng is not switched on; use some of'],
    [['backfil'], 'there is no command backfil'],
    [[], 'catwalk COMMAND'],
  ])('%j ends with 2 and says what to do', async (args, complaint) => {
    const { code, said, complained } = await runOperation(args, (await setup()).env);
    expect({ code, said }).toEqual({ code: 2, said: [] });
    expect(complained.join('\n')).toContain(complaint);
    expect(complained.join('\n')).not.toMatch(/^\s+at /m);
  });

  test.each([[['--help']], [['backfill', '--since', '2w', '-h']]])(
    '%j needs no settings and ends with 0',
    async (args) => {
      const { code, said, complained } = await runOperation(args);
      expect({ code, complained }).toEqual({ code: 0, complained: [] });
      expect(said.join('\n')).toContain('backfill');
    },
  );

  test('it needs a Redis and the providers’ settings, and no keys of apps or secret of ours', async () => {
    const { env, backfill } = await setup();
    const { REDIS_URL, REDIS_NAMESPACE, FASHN_API_KEY } = env;
    const enough = await runOperation(['backfill', '--since', '2h', '--json', '--no-wait'], {
      REDIS_URL,
      REDIS_NAMESPACE,
      FASHN_API_KEY,
    });
    expect(enough.code).toBe(0);
    const { code, complained } = await runOperation(['backfill', '--since', '2h']);
    expect(code).toBe(1);
    expect(complained).toEqual([
      'Invalid settings:',
      expect.stringContaining('REDIS_URL: is required'),
      expect.stringContaining('no provider is switched on'),
    ]);
    expect((await backfill()).providers).toHaveLength(2);
  });

  test('a Redis that is lost while it watches ends it with 1, and says that it may be run again', async () => {
    const { make, env, dueOf } = await setup();
    const record = await make('submitted');
    const proxy = await startRedisProxy({ reachable: true });
    onTestFinished(() => proxy.close());
    const operation = startOperation(['backfill', '--since', '2h'], {
      ...env,
      REDIS_URL: proxy.url,
    });
    await operation.untilSaid(/0 of 1 checked/);
    await proxy.cut();
    const { code, complained } = await operation.ended;
    expect(code).toBe(1);
    expect(complained.at(-1)).toMatch(/^Redis was lost .*: run it again, which is harmless\.$/);
    expect(await dueOf(record)).toBeLessThanOrEqual(Date.now());
  });
});
