import { expect, test } from 'vitest';
import { SCENARIOS } from '../../simulator/scenarios/scenarios.ts';
import { startSimulator } from '../../simulator/server/start-simulator.ts';
import { jsonPost, ledgerOf, setup } from './setup.ts';

test('every scenario is listed with its description', async () => {
  const { call } = await setup();
  const { body } = await call('/_simulator/scenarios');
  expect(Object.keys(body)).toEqual(Object.keys(SCENARIOS));
});

test('a scenario can be set over HTTP, and a wrong one names those that exist', async () => {
  const { call, fashn } = await setup();
  const set = (body: unknown) => call('/_simulator/scenario', jsonPost(body));
  expect(await set({ name: 'out-of-credit', provider: 'fashn', count: 1 })).toMatchObject({
    status: 200,
  });
  expect((await fashn.run()).status).toBe(429);
  expect((await fashn.run()).status).toBe(200);
  const wrongs = [{ name: 'typo' }, { name: 'ok', provider: 'typo' }, { name: 'ok', count: 0 }, {}];
  for (const wrong of wrongs) {
    expect(await set(wrong)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  }
});

test("the account's webhook can be set over HTTP, and takes what names no URL of its own", async () => {
  const { call, fashn, receiver, simulator } = await setup();
  const set = (body: unknown) => call('/_simulator/webhook', jsonPost(body));
  const elsewhere = 'http://127.0.0.1:1/';
  expect((await set({ provider: 'fashn', url: elsewhere })).status).toBe(200);
  await fashn.run({ webhookUrl: receiver.url });
  await receiver.until(1);
  await set({ provider: 'fashn', url: receiver.url });
  await fashn.run();
  await receiver.until(2);
  expect((await set({ provider: 'fashn', url: null })).status).toBe(200);
  await fashn.run();
  const urls = ledgerOf(simulator, 'fashn').accepted.map((entry) => entry.webhookUrl);
  expect(urls).toEqual([receiver.url, receiver.url, null]);
  const wrongs = [
    { provider: 'typo', url: null },
    { provider: 'typo', url: elsewhere },
    { provider: 'fitroom', url: elsewhere },
    { provider: 'fashn', url: 'ftp://a.test/' },
    { provider: 'fashn' },
  ];
  for (const wrong of wrongs) {
    expect(await set(wrong)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  }
});

test('a reset brings back the webhook that was there at the start', async () => {
  const { fashn, receiver, simulator } = await setup();
  const started = await setup({ providers: { fashn: { webhookUrl: receiver.url } } });
  simulator.setWebhook('fashn', receiver.url);
  started.simulator.setWebhook('fashn', null);
  simulator.reset();
  started.simulator.reset();
  await fashn.run();
  await started.fashn.run();
  expect(ledgerOf(simulator, 'fashn').accepted[0]?.webhookUrl).toBeNull();
  expect(ledgerOf(started.simulator, 'fashn').accepted[0]?.webhookUrl).toBe(receiver.url);
});

test('work that costs nothing is told apart from paid work', async () => {
  const { fitinview, post, person, garment, simulator } = await setup();
  const body = { person_url: person(), garment_urls: [garment()], wait: false };
  await post('/fitinview/api/v1/tryon', 'fiv_test_k', body);
  await fitinview.submit();
  const paid = ledgerOf(simulator, 'fitinview').accepted.map((entry) => entry.isPaid);
  expect(paid).toEqual([false, true]);
});

test('the ledger over HTTP is the ledger in the program, and deleting it empties it', async () => {
  const { call, fashn, simulator, receiver } = await setup({ scenario: 'stuck' });
  await fashn.run({ webhookUrl: receiver.url });
  expect((await call('/_simulator/ledger')).body).toEqual(simulator.ledger());
  expect(ledgerOf(simulator, 'fashn').accepted[0]).toMatchObject({
    webhookUrl: receiver.url,
    idempotencyKey: null,
    inputFingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
    finalStatus: null,
  });
  await call('/_simulator/ledger', { method: 'DELETE' });
  expect(ledgerOf(simulator, 'fashn').accepted).toEqual([]);
});

test('the same inputs have the same fingerprint, others another', async () => {
  const { fashn, simulator, garment } = await setup();
  await fashn.run();
  await fashn.run();
  await fashn.run({ inputs: { garment_image: garment('dress') } });
  const prints = ledgerOf(simulator, 'fashn').accepted.map((entry) => entry.inputFingerprint);
  expect(new Set(prints).size).toBe(2);
  expect(prints[0]).toBe(prints[1]);
});

test('a reset forgets tasks, spending and scenarios, and ends work that was under way', async () => {
  const { fitinview, simulator, receiver } = await setup();
  simulator.setScenario('moderation');
  const { body } = await fitinview.submit(
    { webhook_url: receiver.url },
    { 'x-simulate': 'slow', 'idempotency-key': 'k' },
  );
  simulator.reset();
  expect((await fitinview.get(`/jobs/${body['id']}`)).status).toBe(404);
  const after = await fitinview.submit({ wait: true }, { 'idempotency-key': 'k' });
  expect(after.body['status']).toBe('completed');
  expect(ledgerOf(simulator, 'fitinview').creditsLeft).toBe(1_000_000 - 8);
  expect(receiver.received).toEqual([]);
});

test('a webhook nobody listens to is on the books as unanswered', async () => {
  const { fashn, simulator } = await setup({ timeScale: 0.0001 });
  await fashn.run({ webhookUrl: 'http://127.0.0.1:1/' });
  await expect
    .poll(() =>
      ledgerOf(simulator, 'fashn').accepted[0]?.webhookAttempts.map((a) => a.answeredStatus),
    )
    .toEqual([null, null, null, null, null, null]);
});

test('one line is logged per finished task, without URLs or keys', async () => {
  const lines: string[] = [];
  const { fitinview } = await setup({ log: (line) => lines.push(line) });
  const { body } = await fitinview.submit({ wait: true });
  expect(lines).toEqual([expect.stringMatching(/^fitinview \S+ completed durationMs=\d+$/)]);
  expect(lines[0]).toContain(String(body['id']));
});

test.each([
  [{ port: 70_000 }, /port/],
  [{ latencyMs: { min: 5, max: 1 } }, /latency/],
  [{ timeScale: -1 }, /time scale/],
  [{ providers: { typo: {} } }, /Unknown provider "typo"/],
  [{ providers: { fitinview: { switches: { 'id-field': 'x' } } } }, /id-field=id\|job_id\|both/],
])('a start option that makes no sense is refused: %j', async (options, message) => {
  await expect(startSimulator(options)).rejects.toThrow(message);
});

test('closing twice is closing once', async () => {
  const simulator = await startSimulator();
  await simulator.close();
  await simulator.close();
  await expect(fetch(simulator.url)).rejects.toThrow('fetch failed');
});

test.each([
  ['server-error', 500],
  ['html-page', 502],
])(
  'an outage (%s) refuses every call, accepts nothing, and ends by itself',
  async (answer, status) => {
    const { call, fashn, simulator } = await setup();
    const { body } = await fashn.run();
    const ask = (given: unknown) => call('/_simulator/outage', jsonPost(given));
    expect((await ask({ provider: 'fashn', answer, seconds: 3_600 })).status).toBe(200);
    expect((await fashn.run()).status).toBe(status);
    expect((await fashn.get(`/status/${body['id']}`)).status).toBe(status);
    expect(ledgerOf(simulator, 'fashn')).toMatchObject({
      accepted: [expect.anything()],
      refused: [{ reason: answer, httpStatus: status }],
    });
    await ask({ provider: 'fashn', answer, seconds: 0 });
    expect((await fashn.run()).status).toBe(200);
    const wrongs = [
      { provider: 'typo', answer, seconds: 1 },
      { provider: 'fashn', answer: 'no' },
    ];
    for (const wrong of wrongs) expect((await ask(wrong)).status).toBe(400);
  },
);

test('an account has as many credits as it is told to have', async () => {
  const { call, fashn } = await setup();
  const ask = (given: unknown) =>
    call('/_simulator/credits', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(given),
    });
  expect((await ask({ provider: 'fashn', credits: 0 })).status).toBe(200);
  expect((await fashn.run()).status).toBe(429);
  await ask({ provider: 'fashn', credits: 5 });
  expect((await fashn.run()).status).toBe(200);
  expect((await ask({ provider: 'fashn', credits: -1 })).status).toBe(400);
});
