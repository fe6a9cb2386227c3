import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fitinview as dialect } from '../../simulator/dialects/fitinview/dialect.ts';
import { ledgerOf, pollUntil, setup } from './setup.ts';

test('a scenario named in an image URL beats the default, and the header beats both', async () => {
  const { fitinview, person, simulator } = await setup({ scenario: 'stuck' });
  const query = { person_url: person('?simulate=moderation') };
  await fitinview.submit(query);
  await fitinview.submit(query, { 'x-simulate': 'ok' });
  await fitinview.submit();
  const names = ledgerOf(simulator, 'fitinview').accepted.map((entry) => entry.scenario);
  expect(names).toEqual(['moderation', 'ok', 'stuck']);
});

test('a scenario nobody knows is refused with the list of those that exist', async () => {
  const { fitinview } = await setup();
  const { status, body } = await fitinview.submit({}, { 'x-simulate': 'typo' });
  expect(status).toBe(422);
  expect(body['detail']).toMatch(/"typo".*lost-reply/);
});

test('a scenario set with a count ends after that many submits of that provider', async () => {
  const { fitinview, fashn, simulator } = await setup();
  simulator.setScenario('moderation', { provider: 'fashn', count: 1 });
  await fitinview.submit();
  await fashn.run();
  await fashn.run();
  const names = (provider: string) =>
    ledgerOf(simulator, provider).accepted.map((entry) => entry.scenario);
  expect(names('fitinview')).toEqual(['ok']);
  expect(names('fashn')).toEqual(['moderation', 'ok']);
});

test('slow takes ten times as long', async () => {
  const { fitinview, simulator } = await setup({ latencyMs: { min: 2_000, max: 2_000 } });
  await fitinview.submit({ wait: true }, { 'x-simulate': 'slow' });
  const [entry] = ledgerOf(simulator, 'fitinview').accepted;
  // Timers may fire a millisecond early.
  expect((entry?.doneAtMs ?? 0) - (entry?.acceptedAtMs ?? 0)).toBeGreaterThanOrEqual(99);
});

test('no-webhook finishes without telling', async () => {
  const { fitinview, receiver, simulator } = await setup();
  await fitinview.submit({ wait: true, webhook_url: receiver.url }, { 'x-simulate': 'no-webhook' });
  await fitinview.submit({ wait: true, webhook_url: receiver.url });
  const received = await receiver.until(1);
  expect(received).toHaveLength(1);
  expect(ledgerOf(simulator, 'fitinview').accepted[0]).toMatchObject({
    finalStatus: 'completed',
    webhookAttempts: [],
  });
});

test('duplicate-webhook delivers the same bytes twice', async () => {
  const { fashn, receiver } = await setup();
  await fashn.run({ query: '?simulate=duplicate-webhook', webhookUrl: receiver.url });
  const [first, second] = await receiver.until(2);
  expect(second?.bytes).toEqual(first?.bytes);
});

test('webhook-before-reply has its webhook answered before the submit is', async () => {
  const { fashn, receiver } = await setup();
  const query = '?simulate=webhook-before-reply';
  const { body } = await fashn.run({ query, webhookUrl: receiver.url });
  expect(receiver.received.map((webhook) => webhook.body['id'])).toEqual([body['id']]);
});

test('lost-reply charges once, breaks the connection, and the key finds the task again', async () => {
  const { fitinview, simulator } = await setup({ scenario: 'lost-reply' });
  const headers = { 'idempotency-key': 'lost' };
  await expect(fitinview.submit({}, headers)).rejects.toThrow('fetch failed');
  const repeat = await fitinview.submit({}, headers);
  const book = ledgerOf(simulator, 'fitinview');
  expect(book.accepted.map((entry) => entry.taskId)).toEqual([repeat.body['id']]);
  expect(book.creditsLeft).toBe(1_000_000 - 8);
});

test('lost-reply without idempotency keys answers, and charges, the second submit', async () => {
  const { fashn, simulator } = await setup();
  const query = '?simulate=lost-reply';
  await expect(fashn.run({ query })).rejects.toThrow('fetch failed');
  expect((await fashn.run({ query })).status).toBe(200);
  expect(ledgerOf(simulator, 'fashn').accepted).toHaveLength(2);
});

test.each([
  ['rate-limited', 429, 'RateLimitExceeded', '1'],
  ['concurrency-limited', 429, 'ConcurrencyLimitExceeded', null],
])(
  '%s refuses the first submit only and charges nothing for it',
  async (name, status, error, wait) => {
    const { fashn, simulator } = await setup();
    const first = await fashn.run({ query: `?simulate=${name}` });
    expect(first).toMatchObject({ status, body: { error } });
    expect(first.headers.get('retry-after')).toBe(wait);
    expect((await fashn.run({ query: `?simulate=${name}` })).status).toBe(200);
    expect(ledgerOf(simulator, 'fashn').creditsLeft).toBe(999_999);
  },
);

test('each idempotency key meets "the first submits" of a scenario for itself', async () => {
  const { fitinview } = await setup({ scenario: 'rate-limited' });
  const statuses: number[] = [];
  for (const key of ['a', 'b', 'a', 'b']) {
    statuses.push((await fitinview.submit({}, { 'idempotency-key': key })).status);
  }
  expect(statuses).toEqual([429, 429, 200, 200]);
});

test('a scenario about two submits stays with its key although it was set for one', async () => {
  const { fitinview, simulator } = await setup();
  simulator.setScenario('server-errors', { count: 1 });
  const statuses: number[] = [];
  for (const key of ['a', 'b', 'a', 'a']) {
    statuses.push((await fitinview.submit({}, { 'idempotency-key': key })).status);
  }
  expect(statuses).toEqual([500, 200, 500, 200]);
});

test('out-of-credit is 429 OutOfCredits at FASHN and 402 at FitInView, every time', async () => {
  const { fashn, fitinview } = await setup({ scenario: 'out-of-credit' });
  for (let round = 0; round < 2; round += 1) {
    expect(await fashn.run()).toMatchObject({ status: 429, body: { error: 'OutOfCredits' } });
    expect((await fitinview.submit()).status).toBe(402);
  }
});

test('server-errors fails two submits and two polls, accepting one task', async () => {
  const { fashn, simulator } = await setup();
  const query = '?simulate=server-errors';
  expect((await fashn.run({ query })).status).toBe(500);
  expect((await fashn.run({ query })).status).toBe(500);
  const { body } = await fashn.run({ query });
  const statuses: number[] = [];
  for (let poll = 0; poll < 3; poll += 1) {
    statuses.push((await fashn.get(`/status/${body['id']}`)).status);
  }
  expect(statuses).toEqual([500, 500, 200]);
  const book = ledgerOf(simulator, 'fashn');
  expect(book.accepted).toMatchObject([{ polls: 3 }]);
  expect(book.refused).toHaveLength(2);
});

test('html-error answers a 502 page and accepts nothing', async () => {
  const { fashn, simulator } = await setup();
  const answer = await fashn.run({ query: '?simulate=html-error' });
  expect(answer.status).toBe(502);
  expect(answer.headers.get('content-type')).toMatch('text/html');
  expect(ledgerOf(simulator, 'fashn').accepted).toEqual([]);
});

test('stuck stays in the first live status', async () => {
  const { fashn, receiver } = await setup({ timeScale: 0.001 });
  const stuck = await fashn.run({ query: '?simulate=stuck', webhookUrl: receiver.url });
  await fashn.run({ webhookUrl: receiver.url });
  const [other] = await receiver.until(1);
  expect(other?.body['id']).not.toBe(stuck.body['id']);
  expect((await fashn.get(`/status/${stuck.body['id']}`)).body['status']).toBe('starting');
});

test('unknown-status shows a word nobody documented, then completes', async () => {
  const { fashn } = await setup({ timeScale: 0.2 });
  const { body } = await fashn.run({ query: '?simulate=unknown-status' });
  const { seen } = await pollUntil(() => fashn.get(`/status/${body['id']}`), ['completed']);
  expect(seen[0]).toBe('warming_up');
  expect(seen.at(-1)).toBe('completed');
});

test('late-webhook tells long after the status is final', async () => {
  const { fashn, receiver, simulator } = await setup();
  await fashn.run({ query: '?simulate=late-webhook', webhookUrl: receiver.url });
  await receiver.until(1);
  await expect
    .poll(() => ledgerOf(simulator, 'fashn').accepted[0]?.webhookAttempts)
    .toHaveLength(1);
  const [entry] = ledgerOf(simulator, 'fashn').accepted;
  const lateMs = (entry?.webhookAttempts[0]?.atMs ?? 0) - (entry?.doneAtMs ?? 0);
  // Ten latencies of 20 real milliseconds, less what an early timer may cut off.
  expect(lateMs).toBeGreaterThanOrEqual(190);
});

describe('forged-signature', () => {
  test('sends a false failure that the secret did not sign, then the truth', async () => {
    const { fitinview, receiver } = await setup();
    await fitinview.submit({ webhook_url: receiver.url }, { 'x-simulate': 'forged-signature' });
    const received = await receiver.until(2);
    const judged = received.map(({ bytes, headers, body }) => {
      const right = createHmac('sha256', dialect.defaultSecret).update(bytes).digest('hex');
      return [body['status'], headers['x-fitinview-signature'] === right];
    });
    expect(judged).toEqual([
      ['failed', false],
      ['completed', true],
    ]);
  });

  test('is a plain false claim where nothing is signed, and is not repeated', async () => {
    const { fashn, receiver, simulator } = await setup();
    receiver.answers.push(401);
    await fashn.run({ query: '?simulate=forged-signature', webhookUrl: receiver.url });
    const received = await receiver.until(2);
    expect(received.map(({ body }) => body['status'])).toEqual(['failed', 'completed']);
    await expect
      .poll(() => ledgerOf(simulator, 'fashn').accepted[0]?.webhookAttempts.map(({ kind }) => kind))
      .toEqual(['forged', 'true']);
  });
});
