import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { head, openRaw } from './raw-connection.ts';
import {
  ID,
  OLD_SECRET,
  problemOf,
  setup,
  signedByFitInView,
  tokenOf,
  type World,
} from './setup.ts';

const OTHER_ID = 'gen_01ARZ3NDEKTSV4RRFFQ69G5FAW';
const REPLICATE_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const RESULT = 'https://cdn.example.com/result.png?signature=s3cr3t';
const COMPLETED = JSON.stringify({ id: 'job_1', status: 'completed', result_url: RESULT });
const COMPLETED_EVENT = {
  type: 'observed-final',
  source: 'webhook',
  taskId: 'job_1',
  outcome: { verdict: 'completed', results: [{ kind: 'file', url: RESULT }] },
};

const pathOf = (provider: string, id = ID, token = tokenOf(provider, id)): string =>
  `/webhooks/${provider}/${id}/${token}`;

function deliver(
  { call }: Pick<World, 'call'>,
  path: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const bytes = typeof body === 'string' ? body : new Blob([new Uint8Array(body)]);
  return call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: bytes,
  });
}

test('a signed delivery is answered exactly 200, and is one job with exactly that event', async () => {
  const world = await setup();
  const response = await world.fromFitInView(COMPLETED);
  expect(response.status).toBe(200);
  expect(await world.completions()).toEqual([[{ id: ID, event: COMPLETED_EVENT }]]);
});

test('a delivery for a generation we do not know, but with its token, is answered 200', async () => {
  const world = await setup();
  expect(await world.redis.exists(world.keys.record(ID))).toBe(0);
  expect((await world.fromFitInView(COMPLETED)).status).toBe(200);
});

test('duplicates are answered 200', async () => {
  const world = await setup();
  for (const _ of [1, 2, 3]) expect((await world.fromFitInView(COMPLETED)).status).toBe(200);
});

test('a token under the older of two live secrets is still accepted', async () => {
  const world = await setup();
  const path = pathOf('fitinview', ID, tokenOf('fitinview', ID, OLD_SECRET));
  const signature = signedByFitInView(COMPLETED);
  const response = await deliver(world, path, COMPLETED, { 'x-fitinview-signature': signature });
  expect(response.status).toBe(200);
});

test.each([
  ['a wrong token', pathOf('fitinview', ID, 'A'.repeat(27))],
  ['the token of another generation', pathOf('fitinview', ID, tokenOf('fitinview', OTHER_ID))],
  ['a token cut short', pathOf('fitinview', ID, tokenOf('fitinview', ID).slice(0, -1))],
  ['a token with more behind it', pathOf('fitinview', ID, `${tokenOf('fitinview', ID)}A`)],
  [
    'a token under a secret that is not ours',
    pathOf('fitinview', ID, tokenOf('fitinview', ID, 'x'.repeat(32))),
  ],
  ['a wrong token of an unsigned provider', pathOf('fashn', ID, tokenOf('fashn', OTHER_ID))],
  ['the token of another provider', pathOf('fashn', ID, tokenOf('fitinview', ID))],
])('%s is refused with 401, whatever the body', async (_, path) => {
  const world = await setup();
  for (const body of [COMPLETED, '{malformed']) {
    const signature = signedByFitInView(body);
    const response = await deliver(world, path, body, { 'x-fitinview-signature': signature });
    expect(await problemOf(response)).toMatchObject({ status: 401, code: 'not_authentic' });
  }
  expect(await world.contents()).toEqual([]);
});

test.each([
  ['no signature', {}],
  ['an empty signature', { 'x-fitinview-signature': '' }],
  ['a signature that is not hex', { 'x-fitinview-signature': 'z'.repeat(64) }],
  ['a signature of the wrong length', { 'x-fitinview-signature': 'ab' }],
  ['a forged signature', { 'x-fitinview-signature': signedByFitInView(COMPLETED, 'whsec_forged') }],
  ['a signature of another body', { 'x-fitinview-signature': signedByFitInView(`${COMPLETED} `) }],
  ['a prefixed signature', { 'x-fitinview-signature': `sha256=${signedByFitInView(COMPLETED)}` }],
] as [string, Record<string, string>][])('%s is refused with 401', async (_, headers) => {
  const world = await setup();
  const response = await deliver(world, pathOf('fitinview'), COMPLETED, headers);
  expect(await problemOf(response)).toMatchObject({ status: 401, code: 'not_authentic' });
  expect(await world.contents()).toEqual([]);
});

test.each([
  ['malformed JSON', '{"id":'],
  ['nothing', ''],
  ['no task', '{"status":"completed"}'],
  ['no status', '{"id":"job_1"}'],
  ['a list', '[]'],
])('an authentic delivery of %s is refused with 400', async (_, body) => {
  const world = await setup();
  for (const provider of ['fitinview', 'fashn']) {
    const headers = { 'x-fitinview-signature': signedByFitInView(body) };
    const response = await deliver(world, pathOf(provider), body, headers);
    expect(await problemOf(response), provider).toMatchObject({
      status: 400,
      code: 'malformed_webhook',
    });
  }
  expect(await world.contents()).toEqual([]);
});

test('an authentic delivery nested too deep is refused with 400, and does no harm', async () => {
  const world = await setup();
  const deep = `{"id":"job_1","status":"completed","result_url":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
  const response = await world.fromFitInView(deep);
  expect(response.status).toBe(400);
  expect(await problemOf(response)).toMatchObject({
    code: 'malformed_webhook',
    detail: expect.stringContaining('nested deeper than'),
  });
  expect(await world.contents()).toEqual([]);
});

test('a repeated signature header is not authentic, though one of the two be good', async () => {
  const world = await setup({
    REPLICATE_API_KEY: 'r8_key',
    REPLICATE_WEBHOOK_SECRET: REPLICATE_SECRET,
  });
  const body = JSON.stringify({ id: 'p1', status: 'succeeded', output: [RESULT] });
  const seconds = Math.floor(Date.now() / 1000);
  const key = Buffer.from(REPLICATE_SECRET.slice('whsec_'.length), 'base64');
  const good = `v1,${createHmac('sha256', key).update(`msg_1.${seconds}.${body}`).digest('base64')}`;
  const from = async (signatures: readonly string[]): Promise<number> => {
    const raw = await openRaw(world.url);
    const headers = {
      'content-length': Buffer.byteLength(body),
      'webhook-id': 'msg_1',
      'webhook-timestamp': seconds,
      'webhook-signature': signatures,
    };
    raw.send(head(`POST ${pathOf('replicate')}`, headers) + body);
    return raw.status();
  };
  // Joined with a comma, as Node does by itself, the second of them would stand alone.
  expect(await from(['v1,forged', good])).toBe(401);
  expect(await from([good, good])).toBe(401);
  expect(await from([`v1,forged ${good}`])).toBe(200);
});

test('a delivery that is too large is refused with 413', async () => {
  const world = await setup();
  const large = JSON.stringify({ id: 'job_1', status: 'completed', x: 'y'.repeat(262_144) });
  const response = await deliver(world, pathOf('fashn'), large);
  expect(await problemOf(response)).toMatchObject({ status: 413, code: 'body_too_large' });
  expect(await world.contents()).toEqual([]);
});

test('a provider that is unknown, or that signs and has no secret here, is answered 404', async () => {
  const world = await setup({ FITINVIEW_WEBHOOK_SECRET: '' });
  for (const provider of ['nobody', 'constructor', 'fitinview']) {
    const response = await deliver(world, pathOf(provider), COMPLETED);
    expect(await problemOf(response), provider).toMatchObject({
      status: 404,
      code: 'unknown_provider',
    });
  }
  expect(await world.contents()).toEqual([]);
});

test('only POST is answered at a webhook’s address', async () => {
  const { call } = await setup();
  expect((await call(pathOf('fashn'))).status).toBe(404);
});

test.each([
  [
    'spaces, line ends and Unicode',
    ` {\r\n "id":"job_1",\t"status":"completed","x":"ü🧥\\u00fc" }\n`,
  ],
  ['a repeated name', '{"id":"job_0","id":"job_1","status":"processing"}'],
])('the signature is over the exact bytes: %s', async (_, body) => {
  const world = await setup();
  expect((await world.fromFitInView(body)).status).toBe(200);
  const [[item] = []] = await world.completions();
  expect(item?.event).toMatchObject({ taskId: 'job_1' });
});

test('neither a content type nor its charset changes the bytes', async () => {
  const world = await setup();
  const body = JSON.stringify({ id: 'job_1', status: 'processing', note: 'ü' });
  const signature = signedByFitInView(body);
  const types = [
    'text/plain',
    'application/octet-stream',
    'application/json; charset=utf-16',
    'odd',
  ];
  for (const type of types) {
    const headers = { 'x-fitinview-signature': signature, 'content-type': type };
    expect((await deliver(world, pathOf('fitinview'), body, headers)).status, type).toBe(200);
  }
});

test('a live status travels the same way, as an observation', async () => {
  const world = await setup();
  const body = JSON.stringify({ id: 'job_1', status: 'processing' });
  expect((await world.fromFitInView(body)).status).toBe(200);
  const event = { type: 'observed-live', source: 'webhook', status: 'processing', taskId: 'job_1' };
  expect(await world.completions()).toEqual([[{ id: ID, event }]]);
});

test('an unsigned final delivery is a hint, and nothing of its body is believed', async () => {
  const world = await setup();
  const body = JSON.stringify({ id: 'pred_1', status: 'completed', output: [RESULT] });
  expect((await deliver(world, pathOf('fashn'), body)).status).toBe(200);
  const event = { type: 'hint', taskId: 'pred_1' };
  expect(await world.completions()).toEqual([[{ id: ID, event }]]);
});

test('an unsigned final delivery is believed where the settings trust the token', async () => {
  const world = await setup({ FASHN_TRUST: 'token' });
  const body = JSON.stringify({ id: 'pred_1', status: 'completed', output: [RESULT] });
  expect((await deliver(world, pathOf('fashn'), body)).status).toBe(200);
  const event = { ...COMPLETED_EVENT, taskId: 'pred_1' };
  expect(await world.completions()).toEqual([[{ id: ID, event }]]);
});

test('deliveries that arrive together travel as fewer jobs, each event once', async () => {
  const world = await setup();
  const count = 40;
  const ids = Array.from(
    { length: count },
    (_, i) => `gen_01ARZ3NDEKTSV4RRFFQ69G5F${String(i).padStart(2, '0')}`,
  );
  // Pipelined on one connection, they are read in one go.
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const requests = ids.map((id, i) =>
    [
      `POST ${pathOf('fitinview', id)} HTTP/1.1`,
      'host: catwalk.test',
      `content-length: ${Buffer.byteLength(COMPLETED)}`,
      `x-fitinview-signature: ${signedByFitInView(COMPLETED)}`,
      ...(i === count - 1 ? ['connection: close'] : []),
      '',
      COMPLETED,
    ].join('\r\n'),
  );
  socket.write(requests.join(''));
  let answers = '';
  for await (const chunk of socket) answers += String(chunk);
  expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(count);
  const jobs = await world.completions();
  expect(jobs.length).toBeLessThan(count / 2);
  expect(
    jobs
      .flat()
      .map((item) => item.id)
      .sort(),
  ).toEqual(ids);
});

test('no token, signature, body or result link is ever logged', async () => {
  const world = await setup();
  await world.fromFitInView(COMPLETED);
  await deliver(world, pathOf('fitinview'), COMPLETED, { 'x-fitinview-signature': 'f'.repeat(64) });
  await deliver(world, pathOf('fashn'), '{malformed');
  const lines = world.logged.join('');
  expect(lines).toContain('webhook received');
  expect(lines).toContain('"status":401');
  for (const hidden of [
    tokenOf('fitinview', ID),
    signedByFitInView(COMPLETED),
    'f'.repeat(64),
    's3cr3t',
  ]) {
    expect(lines).not.toContain(hidden);
  }
});
