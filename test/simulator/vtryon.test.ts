import { createHmac } from 'node:crypto';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { vtryon as dialect } from '../../simulator/dialects/vtryon/dialect.ts';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { example, formOf, NOT_A_PICTURE } from './forms.ts';
import { jsonPost, ledgerOf, pollUntil, setup as setupSimulator } from './setup.ts';

const headers = { 'x-api-key': 'vt-tests' };

async function setup(options: SimulatorOptions = {}) {
  const world = await setupSimulator(options);
  const { call, simulator, receiver } = world;
  simulator.setWebhook('vtryon', receiver.url);
  const [person, shirt] = await Promise.all([example('person.png'), example('garment-shirt.png')]);
  const upload = (library: string, parts: Parameters<typeof formOf>[0], more = {}) =>
    call(`/vtryon/v2/tryon/${library}/`, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: formOf(parts),
    });
  const createTask = (body: unknown) => call('/vtryon/v2/tryon/tasks/', jsonPost(body, headers));
  return {
    ...world,
    person,
    shirt,
    upload,
    createTask,
    get: (path: string) => call(`/vtryon/v2/tryon${path}`, { headers }),
    remove: (path: string) => call(`/vtryon/v2/tryon${path}`, { method: 'DELETE', headers }),
    async submit(fields: Record<string, unknown> = {}, image = person) {
      const personUpload = await upload('person-images', { image });
      const garmentUpload = await upload('garment-images', { image: shirt });
      return createTask({
        tryon_person_image_id: personUpload.body['id'],
        garment_image_id: garmentUpload.body['id'],
        ...fields,
      });
    },
  };
}

test('two uploads and a task are answered with integer ids, and only the task is charged', async () => {
  const { submit, simulator } = await setup();
  const { status, body } = await submit();
  expect(status).toBe(200);
  expect(body).toEqual({
    id: expect.any(Number),
    status: 'queued',
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
  });
  expect(Number.isInteger(body['id'])).toBe(true);
  const book = ledgerOf(simulator, 'vtryon');
  expect(book.uploads.map(({ library }) => library)).toEqual(['person-images', 'garment-images']);
  expect(book.accepted).toMatchObject([{ isPaid: true, creditsCharged: 1 }]);
  expect(book.creditsLeft).toBe(999_999);
});

test('a picture from the assets carries scenario and marker in its bytes, to the task and the ledger', async () => {
  const { simulator, submit } = await setup();
  const response = await fetch(`${simulator.url}/assets/person.png?simulate=moderation&marker=n-7`);
  const marked = new Uint8Array(await response.arrayBuffer());
  await submit({}, marked);
  const [entry] = ledgerOf(simulator, 'vtryon').accepted;
  expect(entry).toMatchObject({ scenario: 'moderation', marker: 'n-7' });
});

test('a task goes from queued to completed and has its picture at the top level', async () => {
  const { submit, get, simulator } = await setup();
  simulator.setScenario('stuck', { provider: 'vtryon', count: 1 });
  const { body: waiting } = await submit();
  expect((await get(`/tasks/${waiting['id']}/`)).body['status']).toBe('queued');
  const { body } = await submit();
  const { last } = await pollUntil(() => get(`/tasks/${body['id']}/`), ['completed']);
  expect(last.body).toEqual({
    id: body['id'],
    status: 'completed',
    result_url: expect.stringMatching(/\/results\/[0-9a-f-]+\.png$/),
  });
  const picture = await fetch(String(last.body['result_url']));
  expect(picture.headers.get('content-type')).toBe('image/png');
});

test('every change goes signed to the one webhook of the account', async () => {
  const { submit, receiver } = await setup();
  const { body } = await submit();
  const received = await receiver.until(3);
  expect(received.map((webhook) => webhook.body['status']).sort()).toEqual([
    'completed',
    'processing',
    'queued',
  ]);
  for (const { bytes, headers: sent } of received) {
    const right = createHmac('sha256', dialect.defaultSecret).update(bytes).digest('hex');
    expect(sent['x-vtryon-signature']).toBe(right);
  }
  expect(received.find((webhook) => webhook.body['status'] === 'completed')?.body).toEqual({
    event: 'generation.status_changed',
    task_id: body['id'],
    status: 'completed',
    data: { result_url: expect.any(String) },
    error: null,
  });
});

test('webhook-before-reply has the end told before the id is known', async () => {
  const { submit, simulator, receiver } = await setup();
  simulator.setScenario('webhook-before-reply', { provider: 'vtryon' });
  const { body } = await submit();
  const ended = receiver.received.filter((webhook) => webhook.body['status'] === 'completed');
  expect(ended.map((webhook) => webhook.body['task_id'])).toEqual([body['id']]);
});

test('without a webhook in the account nothing is told', async () => {
  const { submit, get, simulator, receiver } = await setup();
  simulator.setWebhook('vtryon', null);
  const { body } = await submit();
  await pollUntil(() => get(`/tasks/${body['id']}/`), ['completed']);
  expect(receiver.received).toEqual([]);
});

test('a failed task says why, to the poll and to the webhook', async () => {
  const { submit, get, simulator, receiver } = await setup();
  simulator.setScenario('failed', { provider: 'vtryon' });
  const { body } = await submit();
  const { last } = await pollUntil(() => get(`/tasks/${body['id']}/`), ['failed']);
  const error = { message: expect.any(String) };
  expect(last.body).toEqual({ id: body['id'], status: 'failed', result_url: null, error });
  const received = await receiver.until(3);
  const told = received.find((webhook) => webhook.body['status'] === 'failed');
  expect(told?.body).toMatchObject({ data: null, error });
});

test('a file that is not a picture fails the task that uses it', async () => {
  const { submit, get } = await setup();
  const { body } = await submit({}, NOT_A_PICTURE);
  const { last } = await pollUntil(() => get(`/tasks/${body['id']}/`), ['failed']);
  expect(last.body['error']).toEqual({ message: 'The file is not a readable image.' });
});

test('libraries are listed by page and name, and an image can be deleted once', async () => {
  const { upload, get, remove, createTask, shirt } = await setup();
  const ids: unknown[] = [];
  for (const image_name of ['one', 'two', 'another one']) {
    ids.push((await upload('garment-images', { image: shirt, image_name })).body['id']);
  }
  const page = await get('/garment-images/?page=1&page_size=1&image_name=one');
  expect(page.body).toMatchObject({
    count: 2,
    next: expect.stringContaining('page=2'),
    previous: null,
    results: [{ id: ids[0], image_name: 'one' }],
  });
  expect((await get('/person-images/')).body['count']).toBe(0);
  expect(await remove(`/garment-images/${ids[0]}/`)).toMatchObject({
    status: 200,
    body: { detail: expect.any(String) },
  });
  expect((await remove(`/garment-images/${ids[0]}/`)).status).toBe(404);
  const gone = await createTask({ tryon_person_image_id: 1, garment_image_id: ids[0] });
  expect(gone).toMatchObject({ status: 400, body: { detail: expect.any(String) } });
});

test('an image id of the other library is refused', async () => {
  const { upload, createTask, shirt } = await setup();
  const { body } = await upload('garment-images', { image: shirt });
  const answer = await createTask({
    tryon_person_image_id: body['id'],
    garment_image_id: body['id'],
  });
  expect(answer.status).toBe(400);
});

test('an upload without a file, as JSON, or without a key is refused', async () => {
  const { upload, call, shirt } = await setup();
  expect((await upload('person-images', { image: 'https://a.test/p.png' })).status).toBe(400);
  const path = '/vtryon/v2/tryon/person-images/';
  const asJson = { ...headers, 'content-type': 'application/json' };
  expect((await call(path, { method: 'POST', headers: asJson, body: '{}' })).status).toBe(400);
  const body = formOf({ image: shirt });
  expect(await call(path, { method: 'POST', body })).toMatchObject({
    status: 401,
    body: { detail: expect.any(String) },
  });
});

test('a scenario that is set for uploads meets uploads and no task', async () => {
  const { simulator, upload, submit, shirt } = await setup();
  simulator.setScenario('rate-limited', { provider: 'vtryon', count: 1, on: 'upload' });
  const refused = await upload('garment-images', { image: shirt });
  expect(refused).toMatchObject({ status: 429, body: { detail: expect.any(String) } });
  expect(refused.headers.get('retry-after')).toBe('1');
  expect((await submit()).status).toBe(200);
  expect(ledgerOf(simulator, 'vtryon').refused).toHaveLength(1);
});

test('an upload whose answer is lost is in the library, and costs nothing', async () => {
  const { upload, get, simulator, shirt } = await setup();
  const lost = { 'x-simulate': 'lost-reply' };
  await expect(upload('garment-images', { image: shirt }, lost)).rejects.toThrow('fetch failed');
  expect((await get('/garment-images/')).body['count']).toBe(1);
  expect(ledgerOf(simulator, 'vtryon').creditsLeft).toBe(1_000_000);
});

test('the same bytes have the same fingerprint, whatever their upload is called', async () => {
  const { submit, simulator } = await setup();
  await submit();
  await submit();
  await submit({ image_quality: '4k' });
  const prints = ledgerOf(simulator, 'vtryon').accepted.map((entry) => entry.inputFingerprint);
  expect(prints[1]).toBe(prints[0]);
  expect(prints[2]).not.toBe(prints[0]);
});

test('a refused webhook is tried again five times', async () => {
  const { submit, simulator, receiver } = await setup({ timeScale: 0.000_001 });
  receiver.answers.push(...Array.from({ length: 30 }, () => 500));
  await submit();
  await expect
    .poll(
      () =>
        ledgerOf(simulator, 'vtryon').accepted[0]?.webhookAttempts.filter(
          ({ kind }) => kind === 'true',
        ).length,
    )
    .toBe(6);
});

test('out-of-order-webhook tells the first status again after the end', async () => {
  const { submit, simulator, receiver } = await setup();
  simulator.setScenario('out-of-order-webhook', { provider: 'vtryon' });
  await submit();
  const received = await receiver.until(4);
  const statuses = received.map((webhook) => webhook.body['status']);
  expect(statuses).toContain('completed');
  expect(statuses.lastIndexOf('queued')).toBeGreaterThan(statuses.indexOf('completed'));
});

test('a switch says pending where the documents do', async () => {
  const { submit } = await setup({
    providers: { vtryon: { switches: { 'waiting-word': 'pending' } } },
  });
  expect((await submit()).body['status']).toBe('pending');
});

test('a recolouring is created at one path and asked for at another, and shows other colours', async () => {
  const { call, simulator } = await setup();
  const colors = [{ target: 'blouse', color: 'royal blue' }];
  const path = '/vtryon/v4/models/multipose-image-recolor/';
  const recolor = (body: object) => call(path, jsonPost(body, headers));
  const { body } = await recolor({ pose_image_generation_id: 936, color_changes: colors });
  expect(body).toMatchObject({ id: expect.any(Number), status: 'queued' });
  const ask = () => call(`/vtryon/v2/models/multipose-tasks/${body['id']}/`, { headers });
  const { last } = await pollUntil(ask, ['completed']);
  const [before, after] = await Promise.all(
    [`${simulator.url}/assets/person.png`, String(last.body['result_url'])].map(async (url) => {
      const { channels } = await sharp(Buffer.from(await (await fetch(url)).arrayBuffer())).stats();
      return channels.map(({ mean }) => Math.round(mean));
    }),
  );
  expect(after).not.toEqual(before);
  expect((await recolor({ color_changes: colors })).status).toBe(400);
  expect((await recolor({ pose_image_generation_id: 936, color_changes: [] })).status).toBe(400);
});
