import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { signFitInView } from '../../simulator/dialects/fitinview/dialect.ts';
import { ledgerOf, pollUntil, setup } from './setup.ts';

test('the signature is the hex HMAC-SHA256 of the body under the literal secret', () => {
  // Computed with: printf '%s' '<body>' | openssl dgst -sha256 -hmac '<secret>'
  const body = Buffer.from('{"id":"job-1","status":"completed"}');
  expect(signFitInView(body, 'whsec_test_secret')).toBe(
    '19a89a94f9533fe1a40886f65d77599fc3cec82752818c03f69c5d659e02f730',
  );
});

test('a submit that does not wait is answered at once with an id and queued', async () => {
  const { fitinview } = await setup();
  const { status, body } = await fitinview.submit();
  expect(status).toBe(200);
  expect(body).toEqual({ id: expect.any(String), status: 'queued' });
});

test('a task starts queued and ends completed with a result', async () => {
  const { fitinview, simulator } = await setup();
  simulator.setScenario('stuck', { provider: 'fitinview', count: 1 });
  const { body: waiting } = await fitinview.submit();
  expect((await fitinview.get(`/jobs/${waiting['id']}`)).body['status']).toBe('queued');
  const { body } = await fitinview.submit({ metadata: { order: 7 } });
  const { last } = await pollUntil(() => fitinview.get(`/jobs/${body['id']}`), ['completed']);
  expect(last.body).toMatchObject({ result_url: expect.any(String), metadata: { order: 7 } });
});

test('waiting is the default and answers with the result inline', async () => {
  const { fitinview } = await setup();
  const { body } = await fitinview.submit({ wait: undefined });
  expect(body).toMatchObject({ status: 'completed', result_url: expect.any(String) });
});

test('a wait that lasts too long is answered running, and mode is an alias of wait', async () => {
  const { fitinview } = await setup({ timeScale: 0.001, scenario: 'stuck' });
  const waited = await fitinview.submit({ wait: undefined, mode: 'sync' });
  expect(waited.body).toMatchObject({ status: 'running', message: expect.any(String) });
  const { body } = await fitinview.submit({ wait: undefined, mode: 'async' });
  expect(body['status']).toBe('queued');
});

test.each([
  ['id', { id: expect.any(String) }],
  ['job_id', { job_id: expect.any(String) }],
  ['both', { id: expect.any(String), job_id: expect.any(String) }],
])('the id-field switch "%s" names the id so', async (value, ids) => {
  const { fitinview } = await setup({
    providers: { fitinview: { switches: { 'id-field': value } } },
  });
  const { body } = await fitinview.submit();
  expect(body).toEqual({ ...ids, status: 'queued' });
});

test('both poll paths answer, and an unknown id is 404 with a detail', async () => {
  const { fitinview } = await setup();
  const { body } = await fitinview.submit();
  expect((await fitinview.get(`/tryon/${body['id']}`)).status).toBe(200);
  const unknown = await fitinview.get('/jobs/nobody');
  expect(unknown).toMatchObject({ status: 404, body: { detail: expect.any(String) } });
});

test.each([
  ['1K', 8],
  ['2k', 12],
  ['4K', 20],
])('size %s costs %i credits, taken before the generation', async (size, credits) => {
  const { fitinview } = await setup({ providers: { fitinview: { credits: 100 } } });
  await fitinview.submit({ output_size: size });
  const { body } = await fitinview.get('/account');
  expect(body['credits_remaining']).toBe(100 - credits);
});

test('a submit is refused with 402 when the credits do not suffice', async () => {
  const { fitinview, simulator } = await setup({ providers: { fitinview: { credits: 10 } } });
  expect((await fitinview.submit()).status).toBe(200);
  expect((await fitinview.submit()).status).toBe(402);
  expect(ledgerOf(simulator, 'fitinview')).toMatchObject({
    creditsLeft: 2,
    refused: [{ reason: 'out-of-credit', httpStatus: 402 }],
  });
});

test('a repeat with the same idempotency key is not charged again', async () => {
  const { fitinview, simulator } = await setup();
  const first = await fitinview.submit({}, { 'idempotency-key': 'k1' });
  const repeat = await fitinview.submit({ output_size: '4K' }, { 'idempotency-key': 'k1' });
  expect(repeat.body).toEqual(first.body);
  const book = ledgerOf(simulator, 'fitinview');
  expect(book.accepted).toHaveLength(1);
  expect(book.accepted[0]).toMatchObject({ idempotencyKey: 'k1', creditsCharged: 8, replays: 1 });
  expect(book.replays).toHaveLength(1);
});

test('two submits at the same moment with one idempotency key make one task', async () => {
  const { fitinview, simulator } = await setup();
  const both = await Promise.all([
    fitinview.submit({ wait: true }, { 'idempotency-key': 'k2' }),
    fitinview.submit({ wait: true }, { 'idempotency-key': 'k2' }),
  ]);
  expect(both[0].body).toEqual(both[1].body);
  expect(ledgerOf(simulator, 'fitinview').accepted).toHaveLength(1);
});

test('one idempotency key under two API keys is two submissions', async () => {
  const { post, person, garment, simulator } = await setup();
  const body = { person_url: person(), garment_urls: [garment()], wait: false };
  for (const key of ['fiv_live_a', 'fiv_live_b']) {
    await post('/fitinview/api/v1/tryon', key, body, { 'idempotency-key': 'same' });
  }
  expect(ledgerOf(simulator, 'fitinview').accepted).toHaveLength(2);
});

test('the changed-body switch refuses a reused key with 409', async () => {
  const { fitinview } = await setup({
    providers: { fitinview: { switches: { 'changed-body': 'refuse' } } },
  });
  await fitinview.submit({}, { 'idempotency-key': 'k3' });
  const other = await fitinview.submit({ output_size: '2K' }, { 'idempotency-key': 'k3' });
  expect(other.status).toBe(409);
});

test('the webhook is signed over its exact bytes with the configured secret', async () => {
  const { fitinview, receiver } = await setup({
    providers: { fitinview: { secret: 'whsec_of_this_test' } },
  });
  const { body } = await fitinview.submit({ webhook_url: receiver.url, metadata: { a: 'ü' } });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toMatchObject({
    id: body['id'],
    status: 'completed',
    metadata: { a: 'ü' },
  });
  const expected = createHmac('sha256', 'whsec_of_this_test')
    .update(webhook?.bytes ?? '')
    .digest('hex');
  expect(webhook?.headers['x-fitinview-signature']).toBe(expected);
});

test('a webhook is repeated with the same bytes until a 2xx, at most five tries', async () => {
  const { fitinview, receiver, simulator } = await setup({ timeScale: 0.0005 });
  receiver.answers.push(500, 302, 204);
  await fitinview.submit({ webhook_url: receiver.url });
  const received = await receiver.until(3);
  expect(new Set(received.map(({ bytes }) => bytes.toString())).size).toBe(1);
  await expect
    .poll(() =>
      ledgerOf(simulator, 'fitinview').accepted[0]?.webhookAttempts.map((a) => a.answeredStatus),
    )
    .toEqual([500, 302, 204]);

  receiver.answers.push(500, 500, 500, 500, 500, 500, 500);
  await fitinview.submit({ webhook_url: receiver.url });
  await expect
    .poll(() => ledgerOf(simulator, 'fitinview').accepted[1]?.webhookAttempts.length)
    .toBe(5);
});

test.each([
  ['no person', { person_url: '' }],
  ['no garment', { garment_urls: [] }],
  ['four garments', { garment_urls: ['https://a/1', 'https://a/2', 'https://a/3', 'https://a/4'] }],
  ['an image that is not http', { person_url: 'file:///etc/hosts' }],
  ['an unknown size', { output_size: '8K' }],
  ['a webhook that is not a URL', { webhook_url: 'nowhere' }],
])('%s is refused with 422 and costs nothing', async (_what, body) => {
  const { fitinview, simulator } = await setup();
  const answer = await fitinview.submit(body);
  expect(answer).toMatchObject({ status: 422, body: { detail: expect.any(String) } });
  expect(ledgerOf(simulator, 'fitinview')).toMatchObject({ accepted: [], creditsLeft: 1_000_000 });
});

test('a body that is not JSON is refused in the words of the provider', async () => {
  const { call } = await setup();
  const headers = { authorization: 'Bearer fiv_x', 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: '{' };
  expect(await call('/fitinview/api/v1/tryon', init)).toMatchObject({
    status: 422,
    body: { detail: expect.any(String) },
  });
});

test('aliases of the inputs are understood', async () => {
  const { fitinview, person, garment } = await setup();
  const answer = await fitinview.submit({
    person_url: '',
    model_url: person(),
    garment_urls: [],
    clothing: [garment()],
  });
  expect(answer.status).toBe(200);
});

test('a key without the fiv_ look, or not the configured one, is refused with 401', async () => {
  const { post } = await setup({ providers: { fitinview: { keys: ['fiv_live_only'] } } });
  for (const key of ['other', 'fiv_live_other']) {
    const answer = await post('/fitinview/api/v1/tryon', key, {});
    expect(answer).toMatchObject({ status: 401, body: { detail: expect.any(String) } });
  }
});

test('answers carry the calls left, and the call over the limit is 429 with Retry-After', async () => {
  const { fitinview } = await setup({ providers: { fitinview: { submitsPerMinute: 1 } } });
  const first = await fitinview.submit();
  expect(first.headers.get('x-ratelimit-limit')).toBe('1');
  expect(first.headers.get('x-ratelimit-remaining')).toBe('0');
  expect(Number(first.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000);
  const second = await fitinview.submit();
  expect(second.status).toBe(429);
  expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(50);
});

test('a test key gets a stock picture, costs nothing and echoes the seed', async () => {
  const { post, simulator } = await setup();
  const answer = await post('/fitinview/api/v1/tryon', 'fiv_test_x', {
    person_url: 'https://nowhere.invalid/p.png',
    garment_urls: ['https://nowhere.invalid/g.png'],
    seed: 42,
  });
  expect(answer.body).toMatchObject({ status: 'completed', seed: 42 });
  expect(ledgerOf(simulator, 'fitinview').accepted[0]?.creditsCharged).toBe(0);
});
