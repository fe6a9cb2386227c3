import Replicate from 'replicate';
import { expect, test } from 'vitest';
import { createReplicate } from '../../../src/providers/replicate/adapter.ts';
import { recordingServer } from '../requests.ts';

const PERSON = 'https://img.example.com/person.jpg';
const GARMENT = 'https://img.example.com/garment.jpg';
const WEBHOOK = 'https://catwalk.example.com/webhooks/replicate/gen_1/to-ken?a=b c&d=ü#e';
const ID = 'gm3qorzdhgbfurvjtvhg6dckhu';
const VERSION = 'cuuupid/idm-vton:0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985';
const prediction = { id: ID, status: 'starting', output: null, error: null };
const images = { personImage: PERSON, garmentImages: [GARMENT] };

/** The client and our adapter, before one server that records what each sends. */
async function bothSides() {
  const { server, shared, sent } = await recordingServer(prediction);
  const client = new Replicate({ auth: 'r8_key', baseUrl: `${server.url}/v1` });
  const adapter = createReplicate({
    apiKey: 'r8_key',
    baseUrl: server.url,
    webhookSecrets: [`whsec_${Buffer.from('a secret').toString('base64')}`],
    ...shared,
  });
  return { client, adapter, sent };
}

const nanoBanana = { prompt: 'roll up the sleeves', image_input: [PERSON, GARMENT] };

test.each([
  [
    'an official model by its name',
    'google/nano-banana',
    { ...images, prompt: 'roll up the sleeves', outputFormat: 'png' },
    'google/nano-banana',
    { ...nanoBanana, output_format: 'png' },
  ],
  [
    'a community model by its version',
    'cuuupid/idm-vton',
    {
      ...images,
      garmentDescription: 'cute pink top',
      category: 'tops',
      crop: true,
      steps: 20,
      seed: 3,
    },
    VERSION,
    {
      human_img: PERSON,
      garm_img: GARMENT,
      garment_des: 'cute pink top',
      category: 'upper_body',
      crop: true,
      steps: 20,
      seed: 3,
    },
  ],
])('running %s is the same request from both', async (_what, model, input, version, theirInput) => {
  const { client, adapter, sent } = await bothSides();
  const { theirs, ours } = await sent(
    () =>
      client.predictions.create({
        version,
        input: theirInput,
        webhook: WEBHOOK,
        webhook_events_filter: ['completed'],
      }),
    () => adapter.submit({ model, input, idempotencyKey: 'gen_1-1', webhookUrl: WEBHOOK }),
  );
  expect(ours).toEqual(theirs);
  expect(ours[0]?.headers).toMatchObject({
    authorization: 'Bearer r8_key',
    'content-type': 'application/json',
  });
});

test('running without a webhook is the same request from both', async () => {
  const { client, adapter, sent } = await bothSides();
  const { theirs, ours } = await sent(
    () => client.predictions.create({ version: 'google/nano-banana', input: nanoBanana }),
    () =>
      adapter.submit({
        model: 'google/nano-banana',
        input: { ...images, prompt: 'roll up the sleeves' },
        idempotencyKey: 'gen_1-1',
      }),
  );
  expect(ours).toEqual(theirs);
});

test('run takes the path of an official model where we name it as the version, and asks to wait', async () => {
  const { client, adapter, sent } = await bothSides();
  const { theirs, ours } = await sent(
    () => client.run('google/nano-banana', { input: nanoBanana, signal: AbortSignal.abort() }),
    () =>
      adapter.submit({
        model: 'google/nano-banana',
        input: { ...images, prompt: 'roll up the sleeves' },
        idempotencyKey: 'gen_1-1',
      }),
  );
  const [created] = theirs;
  // Changelog "Run all models with the same API endpoint": both are the same request. We never wait
  // on an open connection: the webhook or a poll tells.
  const { prefer, ...headers } = created?.headers ?? {};
  const body = { ...created?.body, version: 'google/nano-banana' };
  expect(prefer).toBe('wait');
  expect(created?.path).toBe('/v1/models/google/nano-banana/predictions');
  expect(ours).toEqual([{ ...created, path: '/v1/predictions', headers, body }]);
});

test('asking for a prediction is the same request from both', async () => {
  const { client, adapter, sent } = await bothSides();
  const { theirs, ours } = await sent(
    () => client.predictions.get(ID),
    () => adapter.check({ id: ID }, { model: 'google/nano-banana' }),
  );
  expect(ours).toEqual(theirs);
});

test('canceling a prediction is the same request from both', async () => {
  const { client, adapter, sent } = await bothSides();
  const { theirs, ours } = await sent(
    () => client.predictions.cancel(ID),
    () => adapter.cancel?.({ id: ID }) ?? Promise.reject(new Error('no cancel')),
  );
  expect(ours).toEqual(theirs);
});
