import { expect, test } from 'vitest';
import { freePort } from '../../rig/ports.ts';
import { queueNames } from '../../src/config/queues.ts';
import { setupPipeline } from '../support/pipeline.ts';
import { startProviderFront } from '../support/provider-front.ts';
import { until } from '../support/until.ts';

/** FASHN behind a door, one submission at a time, and a circuit that opens for a second. */
async function setup(env: Record<string, string> = {}) {
  const front = await startProviderFront();
  const pipeline = await setupPipeline({
    env: { FASHN_BASE_URL: front.url, FASHN_CONCURRENCY: '1', CIRCUIT_OPEN_MS: '1000', ...env },
  });
  front.leadTo(`${pipeline.simulator.url}/fashn`);
  const askFor = (count: number) =>
    Promise.all(Array.from({ length: count }, () => pipeline.request('fashn')));
  /** For another model of the same provider. */
  const askForOther = async (): Promise<string> => {
    const { provider, input } = pipeline.bodyOf('fashn');
    const { garmentImages, personImage } = input;
    const body = { provider, model: 'tryon-max', input: { garmentImages, personImage } };
    const response = await pipeline.post(body);
    return ((await response.json()) as { id: string }).id; // our own API's answer
  };
  const holdOf = async (id: string) => (await pipeline.get(id)).hold?.reason;
  const shown = async (): Promise<Record<string, unknown> | undefined> => {
    const response = await fetch(`${pipeline.web.url}/v1/providers`, {
      headers: { authorization: 'Bearer pipeline-tests-api-key' },
    });
    const { providers } = (await response.json()) as { providers: Record<string, unknown>[] };
    return providers.find(({ provider }) => provider === 'fashn');
  };
  const circuits = async () => (await shown())?.['circuitsOpen'];
  return { front, pipeline, askFor, askForOther, holdOf, shown, circuits };
}

test('an outage: after two failures that nobody can make good the others wait in place, and a probe at a time finds its end', async () => {
  const { front, pipeline, askFor, holdOf, circuits } = await setup();
  // A second worker process: the circuit is the fleet's.
  await pipeline.startWorkers();
  front.shut();
  const ids = await askFor(30);
  await until('two probes came', () => front.turnedAway.length >= 4, 30_000);
  const [, second = 0, third = 0, fourth = 0] = front.turnedAway;
  expect(third - second).toBeGreaterThanOrEqual(995);
  expect(fourth - third).toBeGreaterThanOrEqual(1_995);
  expect(await circuits()).toHaveProperty(['tryon-v1.6']);
  const holds = await Promise.all(ids.map(holdOf));
  expect(holds.filter((reason) => reason === 'circuit_open').length).toBeGreaterThanOrEqual(20);

  front.open();
  const shown = await pipeline.untilSettled(ids, 60_000);
  const burnt = shown.filter(({ reason }) => reason?.code === 'outcome_unknown');
  expect(burnt).toHaveLength(front.turnedAway.length);
  expect(front.turnedAway.length).toBeLessThanOrEqual(5);
  expect(shown.filter(({ status }) => status === 'completed')).toHaveLength(30 - burnt.length);
  expect(pipeline.book('fashn').accepted).toHaveLength(30 - burnt.length);
  for (const id of ids) expect(pipeline.eventsOf(id)).toHaveLength(1);
  expect(await pipeline.failedJobs()).toBe(0);
  expect(pipeline.lines.filter(({ msg }) => /^job (failed|given up)$/.test(msg))).toEqual([]);
  expect(pipeline.lines.filter(({ msg }) => msg.startsWith('circuit closed'))).toHaveLength(1);
  expect(await circuits()).toEqual({});
}, 120_000);

test('while one model waits, another of the same provider goes on', async () => {
  const { front, pipeline, askFor, askForOther, holdOf } = await setup({
    CIRCUIT_OPEN_MS: '300000',
  });
  front.shut();
  const down = await askFor(3);
  await until('the circuit is open', async () => {
    const holds = await Promise.all(down.map(holdOf));
    return holds.includes('circuit_open');
  });
  front.open();
  const id = await askForOther();
  expect(await pipeline.untilFinal(id)).toMatchObject({ status: 'completed' });
  const job = await pipeline.queue(queueNames.submit('fashn')).getDelayed();
  expect(job).toHaveLength(1);
  expect(job[0]?.attemptsMade).toBe(0);
});

test('what a model holds back leaves some of the provider’s rate to its other models', async () => {
  const { front, pipeline, askFor, askForOther, holdOf } = await setup({
    CIRCUIT_OPEN_MS: '500',
    FASHN_SUBMITS_PER_MINUTE: '60',
  });
  front.shut();
  const ids = await askFor(40);
  await until('all but the probes are held', async () => {
    const held = (await Promise.all(ids.map(holdOf))).filter((why) => why === 'circuit_open');
    return held.length > 30;
  });
  // Each check is a start of a job: if all checked after each probe, the minute's rate would be gone.
  await until('two probes came', () => front.turnedAway.length >= 4);
  const other = await askForOther();
  const askedAt = Date.now();
  await until('it was sent', () => front.asked('tryon-max') > 0, 70_000);
  expect(Date.now() - askedAt).toBeLessThan(5_000);
  front.open();
  await pipeline.untilFinal(other, 60_000);
}, 150_000);

test('a provider that cannot be reached burns nothing: everything completes when it is back', async () => {
  const port = await freePort();
  const { pipeline, askFor } = await setup({ FASHN_BASE_URL: `http://127.0.0.1:${port}` });
  const ids = await askFor(10);
  await until('the circuit is open', () =>
    pipeline.lines.some(({ msg }) => msg.startsWith('circuit open')),
  );
  const back = await startProviderFront(port);
  back.leadTo(`${pipeline.simulator.url}/fashn`);
  const shown = await pipeline.untilSettled(ids, 60_000);
  expect(shown.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
  expect(pipeline.book('fashn').accepted).toHaveLength(10);
}, 90_000);

test('a quota of hours: who was refused waits for as long as the provider says, and the queue asks once a minute', async () => {
  const { front, pipeline, askFor, holdOf, shown } = await setup();
  front.shut({
    status: 429,
    headers: { 'content-type': 'application/json', 'retry-after': '7200' },
    body: JSON.stringify({ error: 'RateLimitExceeded', message: 'Too many requests' }),
  });
  const ids = await askFor(6);
  const submits = pipeline.queue(queueNames.submit('fashn'));
  const limiter = `${pipeline.keys.prefix}:${submits.name}:limiter`;
  await until('the queue is held', async () => (await pipeline.redis.pttl(limiter)) > 50_000);
  await until('nothing is at work', async () => (await submits.getActiveCount()) === 0);
  const [held] = (await Promise.all(ids.map(pipeline.get))).filter(({ hold }) => hold);
  expect(held?.hold?.reason).toBe('rate_limited');
  expect(Date.parse(held?.hold?.until ?? '')).toBeGreaterThan(Date.now() + 7_100_000);
  expect(await submits.getJobCounts('waiting', 'delayed', 'failed')).toEqual({
    waiting: ids.length - front.turnedAway.length,
    delayed: front.turnedAway.length,
    failed: 0,
  });
  const jobs = await submits.getJobs(['waiting', 'delayed']);
  expect(jobs.map(({ attemptsMade }) => attemptsMade)).toEqual(ids.map(() => 0));
  expect(await holdOf(held?.id ?? '')).toBe('rate_limited');
  const heldUntil = (await shown())?.['submissionsHeldUntil'];
  expect(Date.parse(String(heldUntil))).toBeGreaterThan(Date.now() + 30_000);
  expect(Date.parse(String(heldUntil))).toBeLessThanOrEqual(Date.now() + 60_000);

  // The provider takes everything again, and an operator knows it.
  front.open();
  await pipeline.redis.del(limiter);
  await until(
    'those that were not refused complete',
    () => {
      return pipeline.events.length === ids.length - front.turnedAway.length;
    },
    60_000,
  );
}, 90_000);
