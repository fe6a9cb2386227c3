import Fashn from 'fashn';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ledgerOf, pollUntil } from '../../simulator/setup.ts';
import { errorOf, silentServer } from '../setup.ts';
import { SOON, setupFashn } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "FASHN" in docs/simulator.md.

test('new Fashn finds its key and address in the environment, and wants a key', async () => {
  const { baseURL, tryOn } = await setupFashn();
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('FASHN_BASE_URL', baseURL);
  expect(() => new Fashn()).toThrow(Fashn.FashnError);
  vi.stubEnv('FASHN_API_KEY', 'fa-environment');
  for (const client of [new Fashn(), new Fashn({ baseURL: `${baseURL}/` })]) {
    expect((await client.predictions.run(tryOn())).error).toBeNull();
  }
});

test('new Fashn with a wrong key gets AuthenticationError from every call', async () => {
  const { client, tryOn } = await setupFashn({ providers: { fashn: { keys: ['fa-right'] } } });
  for (const call of [
    () => client.predictions.run(tryOn()),
    () => client.predictions.status('a'),
  ]) {
    const error = await errorOf(Fashn.AuthenticationError, call());
    expect(error).toMatchObject({ status: 401, error: { error: 'UnauthorizedAccess' } });
  }
  const right = client.withOptions({ apiKey: 'fa-right' });
  expect((await right.predictions.run(tryOn())).error).toBeNull();
});

test('withOptions and the header x-simulate choose a scenario of the simulator', async () => {
  const { client, tryOn } = await setupFashn();
  const moderated = client.withOptions({ defaultHeaders: { 'x-simulate': 'moderation' } });
  const result = await moderated.predictions.subscribe({ ...tryOn(), ...SOON });
  expect(result.error?.name).toBe('ContentModerationError');
  expect((await client.predictions.subscribe({ ...tryOn(), ...SOON })).status).toBe('completed');
});

test('predictions.run answers with an id, and the prediction is live', async () => {
  const { client, tryOn, simulator } = await setupFashn({ scenario: 'stuck' });
  const { id, error } = await client.predictions.run(tryOn());
  expect(error).toBeNull();
  expect(ledgerOf(simulator, 'fashn').accepted).toMatchObject([{ taskId: id, finalStatus: null }]);
  expect(await client.predictions.status(id)).toEqual({ id, status: 'starting', error: null });
});

test('predictions.run with webhook_url sends there what predictions.status says', async () => {
  const { client, tryOn, receiver } = await setupFashn();
  const { id } = await client.predictions.run({ ...tryOn(), webhook_url: receiver.url });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toEqual({ ...(await client.predictions.status(id)) });
});

test('predictions.status goes from starting to completed, and tells the credits used', async () => {
  const { client, tryOn } = await setupFashn({ timeScale: 0.25 });
  const { id } = await client.predictions.run(tryOn({ num_samples: 2 }));
  const ask = async () => {
    const { data, response } = await client.predictions.status(id).withResponse();
    return { status: response.status, headers: response.headers, body: { ...data } };
  };
  const { seen, last } = await pollUntil(ask, ['completed']);
  expect(seen).toEqual(['starting', 'in_queue', 'processing', 'completed']);
  expect(last.headers.get('x-fashn-credits-used')).toBe('2');
  expect(last.body['output']).toHaveLength(2);
});

test('predictions.status of an id that nobody has is NotFoundError', async () => {
  const { client } = await setupFashn();
  const error = await errorOf(Fashn.NotFoundError, client.predictions.status('a/b?c'));
  expect(error).toMatchObject({ status: 404, error: { error: 'NotFound' } });
});

test('predictions.status answers again after two passing errors', async () => {
  const { client, tryOn } = await setupFashn({ scenario: 'server-errors' });
  for (const _refused of [1, 2]) {
    await errorOf(Fashn.InternalServerError, client.predictions.run(tryOn()));
  }
  const { id } = await client.predictions.run(tryOn());
  for (const _failing of [1, 2]) {
    const error = await errorOf(Fashn.InternalServerError, client.predictions.status(id));
    expect(error.error).toMatchObject({ error: 'InternalServerError' });
  }
  expect((await client.predictions.status(id)).error).toBeNull();
});

test.each([['face-to-model', (m: string) => ({ face_image: m })]])(
  'predictions.run of %s is refused as not supported, and costs nothing',
  async (name, inputs) => {
    const { client, person, simulator } = await setupFashn();
    // As above: the pairs belong together.
    const params = { model_name: name, inputs: inputs(person()) } as never;
    const error = await errorOf(Fashn.BadRequestError, client.predictions.run(params));
    expect(error.error).toEqual({
      error: 'BadRequest',
      message: expect.stringMatching(
        `^${name} is not supported by the simulator: it .*It does tryon`,
      ),
    });
    expect(ledgerOf(simulator, 'fashn').accepted).toEqual([]);
  },
);

test.each([
  ['lora_url', 'model-variation', { lora_url: 'https://example.com/a.safetensors' }],
  ['image_reference', 'model-create', { prompt: 'a', image_reference: 'https://example.com/a' }],
  ['an input that nobody knows', 'tryon-v1.6', { sharpness: 3 }],
])('predictions.run with %s is refused as not supported', async (_what, model, more) => {
  const { client, person, garment } = await setupFashn();
  const own = model === 'model-create' ? {} : { model_image: person() };
  const inputs = { ...own, ...(model === 'tryon-v1.6' && { garment_image: garment() }), ...more };
  // None of these is in the client's types as it stands; that is the point of the last.
  const call = client.predictions.run({ model_name: model, inputs } as never);
  const error = await errorOf(Fashn.BadRequestError, call);
  expect(error.message).toContain('not supported by the simulator');
  expect(error.message).toContain(Object.keys(more).at(-1));
});

test('predictions.run without an input that it needs is BadRequestError, which names it', async () => {
  const { client, person } = await setupFashn();
  // The client's types do not let a garment be left out.
  const params = { model_name: 'tryon-v1.6', inputs: { model_image: person() } } as never;
  const error = await errorOf(Fashn.BadRequestError, client.predictions.run(params));
  expect(error).toMatchObject({ status: 400, error: { error: 'BadRequest' } });
  expect(error.message).toContain('garment_image');
});

test.each([
  ['RateLimitExceeded', { scenario: 'rate-limited' }],
  ['ConcurrencyLimitExceeded', { scenario: 'concurrency-limited' }],
  ['OutOfCredits', { providers: { fashn: { credits: 0 } } }],
] as const)(
  'predictions.run refused by %s is RateLimitError, and accepts nothing',
  async (code, options) => {
    const { client, tryOn, simulator } = await setupFashn(options);
    const error = await errorOf(Fashn.RateLimitError, client.predictions.run(tryOn()));
    expect(error).toMatchObject({ status: 429, error: { error: code } });
    expect(ledgerOf(simulator, 'fashn').accepted).toEqual([]);
  },
);

test('predictions.run waits as long as Retry-After says, and then succeeds', async () => {
  const { client, tryOn, simulator } = await setupFashn({ scenario: 'rate-limited' });
  const startedMs = performance.now();
  await client.predictions.run(tryOn(), { maxRetries: 1 });
  expect(performance.now() - startedMs).toBeGreaterThan(900);
  expect(ledgerOf(simulator, 'fashn')).toMatchObject({ accepted: [{}], refused: [{}] });
});

test('predictions.run behind a broken gateway is InternalServerError, with the page as its text', async () => {
  const { client, tryOn } = await setupFashn({ scenario: 'html-error' });
  const error = await errorOf(Fashn.InternalServerError, client.predictions.run(tryOn()));
  expect(error).toMatchObject({ status: 502, error: undefined });
  expect(error.message).toContain('502 Bad Gateway');
});

test('predictions.run is repeated by the client when its answer is lost, and paid twice', async () => {
  const { client, tryOn, simulator } = await setupFashn({ scenario: 'lost-reply' });
  await errorOf(Fashn.APIConnectionError, client.predictions.run(tryOn()));
  expect(ledgerOf(simulator, 'fashn').accepted).toHaveLength(1);
  simulator.setScenario('lost-reply');
  await client.predictions.run(tryOn(), { maxRetries: 1 });
  expect(ledgerOf(simulator, 'fashn').accepted).toHaveLength(3);
});

test('predictions.run whose answer takes too long is APIConnectionTimeoutError', async () => {
  const { client, tryOn } = await setupFashn({ scenario: 'webhook-before-reply' });
  // The simulator answers once its webhook is answered, and this one never is.
  const params = { ...tryOn(), webhook_url: await silentServer() };
  await errorOf(Fashn.APIConnectionTimeoutError, client.predictions.run(params, { timeout: 60 }));
});

test('predictions.run that is aborted is APIUserAbortError', async () => {
  const { client, tryOn } = await setupFashn({ scenario: 'webhook-before-reply' });
  const params = { ...tryOn(), webhook_url: await silentServer() };
  const signal = AbortSignal.timeout(60);
  await errorOf(Fashn.APIUserAbortError, client.predictions.run(params, { signal }));
});

test('client.get of /v1/credits tells what is left', async () => {
  const { client, tryOn } = await setupFashn({ providers: { fashn: { credits: 2_000 } } });
  await client.predictions.run(tryOn());
  expect((await client.get('/v1/credits').asResponse()).status).toBe(200);
  expect(await client.get('/v1/credits')).toMatchObject({
    credits: { total: 1_999, subscription: 999, on_demand: 1_000 },
  });
});

test('client.post runs a model that is not in the types of the client, such as tryon-max', async () => {
  const { client, person, garment } = await setupFashn();
  const inputs = { model_image: person(), product_image: garment(), num_images: 2 };
  const body = { model_name: 'tryon-max', inputs };
  const { id } = await client.post<Fashn.PredictionRunResponse>('/v1/run', { body });
  await expect
    .poll(() => client.predictions.status(id))
    .toMatchObject({
      status: 'completed',
      output: [expect.any(String), expect.any(String)],
    });
  const error = await errorOf(
    Fashn.BadRequestError,
    client.post('/v1/run', { body: { model_name: 'edit', inputs: {} } }),
  );
  expect(error.message).toContain('edit is not supported by the simulator');
});

test('client.post to an address that FASHN does not have is NotFoundError', async () => {
  const { client } = await setupFashn();
  const form = new FormData();
  form.set('file', await Fashn.toFile(Buffer.from('a picture'), 'a.png'));
  const error = await errorOf(Fashn.NotFoundError, client.post('/v1/files', { body: form }));
  expect(error).toMatchObject({ status: 404, error: { error: 'NotFound' } });
});
