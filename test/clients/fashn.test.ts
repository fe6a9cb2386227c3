import Fashn from 'fashn';
import { expect, onTestFinished, test, vi } from 'vitest';
import { bookOf, pollUntil } from '../simulator/setup.ts';
import { errorOf, fashnWorld, pictureAt, silentServer } from './setup.ts';

const soon = { pollInterval: 5 };

test('new Fashn finds its key and address in the environment, and wants a key', async () => {
  const { baseURL, tryOn } = await fashnWorld();
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('FASHN_BASE_URL', baseURL);
  expect(() => new Fashn()).toThrow(Fashn.FashnError);
  vi.stubEnv('FASHN_API_KEY', 'fa-environment');
  for (const client of [new Fashn(), new Fashn({ baseURL: `${baseURL}/` })]) {
    expect((await client.predictions.run(tryOn())).error).toBeNull();
  }
});

test('new Fashn with a wrong key gets AuthenticationError from every call', async () => {
  const { client, tryOn } = await fashnWorld({ providers: { fashn: { keys: ['fa-right'] } } });
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
  const { client, tryOn } = await fashnWorld();
  const moderated = client.withOptions({ defaultHeaders: { 'x-simulate': 'moderation' } });
  const result = await moderated.predictions.subscribe({ ...tryOn(), ...soon });
  expect(result.error?.name).toBe('ContentModerationError');
  expect((await client.predictions.subscribe({ ...tryOn(), ...soon })).status).toBe('completed');
});

test('predictions.run answers with an id, and the prediction is live', async () => {
  const { client, tryOn, simulator } = await fashnWorld({ scenario: 'stuck' });
  const { id, error } = await client.predictions.run(tryOn());
  expect(error).toBeNull();
  expect(bookOf(simulator, 'fashn').accepted).toMatchObject([{ taskId: id, finalStatus: null }]);
  expect(await client.predictions.status(id)).toEqual({ id, status: 'starting', error: null });
});

test('predictions.run with webhook_url sends there what predictions.status says', async () => {
  const { client, tryOn, receiver } = await fashnWorld();
  const { id } = await client.predictions.run({ ...tryOn(), webhook_url: receiver.url });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toEqual({ ...(await client.predictions.status(id)) });
});

test('predictions.status goes from starting to completed, and tells the credits used', async () => {
  const { client, tryOn } = await fashnWorld({ timeScale: 0.25 });
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
  const { client } = await fashnWorld();
  const error = await errorOf(Fashn.NotFoundError, client.predictions.status('a/b?c'));
  expect(error).toMatchObject({ status: 404, error: { error: 'NotFound' } });
});

test('predictions.status answers again after two passing errors', async () => {
  const { client, tryOn } = await fashnWorld({ scenario: 'server-errors' });
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

test('predictions.subscribe polls to the end, and tells every step on the way', async () => {
  const { client, tryOn } = await fashnWorld({ timeScale: 0.25 });
  const told: string[] = [];
  const result = await client.predictions.subscribe({
    ...tryOn(),
    ...soon,
    onEnqueued: (id) => told.push(id),
    onQueueUpdate: ({ status }) => told.at(-1) !== status && told.push(status),
  });
  expect(told).toEqual([result.id, 'starting', 'in_queue', 'processing', 'completed']);
  expect(result).toMatchObject({ status: 'completed', error: null, creditsUsed: 1 });
  expect(await pictureAt(result.output?.[0])).toMatchObject({ width: 864, height: 1296 });
});

/** Inputs for each model that the simulator does, and what comes of them. */
const works: [string, (person: string, garment: string) => object, object][] = [
  ['tryon-v1.6', (m, g) => ({ model_image: m, garment_image: g }), { width: 864, height: 1296 }],
  ['product-to-model', (m, g) => ({ model_image: m, product_image: g }), { height: 1024 }],
  [
    'product-to-model',
    (_m, g) => ({ product_image: g, aspect_ratio: '3:4', resolution: '1k' }),
    { width: 880, height: 1176 },
  ],
  [
    'model-create',
    () => ({ prompt: 'somebody', aspect_ratio: '16:9' }),
    { width: 1360, height: 768 },
  ],
  ['model-create', () => ({ prompt: 'somebody' }), { width: 832, height: 1248 }],
  [
    'model-variation',
    (m) => ({ model_image: m, variation_strength: 'strong' }),
    { width: 683, height: 1024 },
  ],
  [
    'reframe',
    (m) => ({ image: m, mode: 'aspect_ratio', target_aspect_ratio: '3:2' }),
    { width: 1248, height: 832 },
  ],
  // A figure of 768 by 1152, a quarter more below, made to fit into a square of 1024.
  [
    'reframe',
    (m) => ({ image: m, mode: 'direction', target_direction: 'down' }),
    { width: 546, height: 1024 },
  ],
  ['background-change', (m) => ({ image: m, prompt: 'a beach' }), { width: 683, isOpaque: true }],
  ['background-remove', (m) => ({ image: m }), { width: 768, height: 1152, isOpaque: false }],
];

test.each(works)('predictions.subscribe to %s gives a real picture', async (name, inputs, kind) => {
  const { client, person, garment } = await fashnWorld();
  // The pairs of this table are of many types, and TypeScript cannot see that they belong together.
  const params = { model_name: name, inputs: inputs(person(), garment()) } as never;
  const result = await client.predictions.subscribe(Object.assign(params, soon));
  expect(result).toMatchObject({ status: 'completed', creditsUsed: 1 });
  expect(await pictureAt(result.output?.[0])).toMatchObject({
    format: 'png',
    contentType: 'image/png',
    ...kind,
  });
});

test.each([
  ['model-swap', (m: string) => ({ model_image: m })],
  ['face-to-model', (m: string) => ({ face_image: m })],
  ['image-to-video', (m: string) => ({ image: m })],
])('predictions.run of %s is refused as not supported, and costs nothing', async (name, inputs) => {
  const { client, person, simulator } = await fashnWorld();
  // As above: the pairs belong together.
  const params = { model_name: name, inputs: inputs(person()) } as never;
  const error = await errorOf(Fashn.BadRequestError, client.predictions.run(params));
  expect(error.error).toEqual({
    error: 'BadRequest',
    message: expect.stringMatching(
      `^${name} is not supported by the simulator: it .*It does tryon`,
    ),
  });
  expect(bookOf(simulator, 'fashn').accepted).toEqual([]);
});

test.each([
  ['lora_url', 'model-variation', { lora_url: 'https://example.com/a.safetensors' }],
  ['image_reference', 'model-create', { prompt: 'a', image_reference: 'https://example.com/a' }],
  ['an input that nobody knows', 'tryon-v1.6', { sharpness: 3 }],
])('predictions.run with %s is refused as not supported', async (_what, model, more) => {
  const { client, person, garment } = await fashnWorld();
  const own = model === 'model-create' ? {} : { model_image: person() };
  const inputs = { ...own, ...(model === 'tryon-v1.6' && { garment_image: garment() }), ...more };
  // None of these is in the client's types as it stands; that is the point of the last.
  const call = client.predictions.run({ model_name: model, inputs } as never);
  const error = await errorOf(Fashn.BadRequestError, call);
  expect(error.message).toContain('not supported by the simulator');
  expect(error.message).toContain(Object.keys(more).at(-1));
});

test.each(['png', 'jpeg'] as const)(
  'predictions.subscribe with output_format %s gives that format, by its address and inline',
  async (format) => {
    const { client, tryOn } = await fashnWorld();
    const inputs = { output_format: format };
    const linked = await client.predictions.subscribe({ ...tryOn(inputs), ...soon });
    expect(linked.output?.[0]).toMatch(new RegExp(`/[0-9a-f-]{36}\\.${format}$`));
    const expected = { format, contentType: `image/${format}`, width: 864 };
    expect(await pictureAt(linked.output?.[0])).toMatchObject(expected);
    const inline = await client.predictions.subscribe({
      ...tryOn({ ...inputs, return_base64: true }),
      ...soon,
    });
    expect(inline.output?.[0]).toMatch(`data:image/${format};base64,`);
    expect(await pictureAt(inline.output?.[0])).toMatchObject(expected);
  },
);

test('predictions.subscribe takes saved models by name, and one that is not there is ImageLoadError', async () => {
  const { client, tryOn } = await fashnWorld();
  const subscribe = (name: string) =>
    client.predictions.subscribe({ ...tryOn({ model_image: `saved:${name}` }), ...soon });
  expect(await pictureAt((await subscribe('person')).output?.[0])).toMatchObject({ width: 864 });
  expect((await subscribe('nobody')).error).toMatchObject({ name: 'ImageLoadError' });
});

test('predictions.subscribe takes a picture inline', async () => {
  const { client, tryOn, garment } = await fashnWorld();
  const bytes = Buffer.from(await (await fetch(garment())).arrayBuffer());
  const inline = `data:image/png;base64,${bytes.toString('base64')}`;
  const result = await client.predictions.subscribe({
    ...tryOn({ garment_image: inline }),
    ...soon,
  });
  expect(result.status).toBe('completed');
});

test.each([
  ['ContentModerationError', { scenario: 'moderation' }],
  ['PipelineError', { scenario: 'failed' }],
  ['PoseError', { scenario: 'failed' }],
  ['LoRALoadError', { scenario: 'failed' }],
  ['ThirdPartyError', { scenario: 'failed' }],
  ['3rdPartyProviderError', { scenario: 'failed' }],
  ['InternalServerError', { scenario: 'failed' }],
] as const)('predictions.subscribe resolves with the failure %s, unpaid', async (name, options) => {
  const switches = options.scenario === 'failed' ? { failure: name } : {};
  const { client, tryOn } = await fashnWorld({ ...options, providers: { fashn: { switches } } });
  const result = await client.predictions.subscribe({ ...tryOn(), ...soon });
  expect(result).toMatchObject({ status: 'failed', creditsUsed: 0 });
  expect(result.error).toEqual({ name, message: expect.stringMatching(/\w+ .*\.$/) });
  expect(result).not.toHaveProperty('output');
});

test('predictions.subscribe resolves with ImageLoadError for an image that is not there', async () => {
  const { client, tryOn, simulator, garment } = await fashnWorld();
  const missing = `${simulator.url}/assets/missing.png`;
  const result = await client.predictions.subscribe({
    ...tryOn({ model_image: missing }),
    ...soon,
  });
  expect(result.error?.name).toBe('ImageLoadError');
  const guided = await client.predictions.subscribe({
    model_name: 'product-to-model',
    inputs: { product_image: garment(), image_prompt: missing },
    ...soon,
  });
  expect(guided.error?.name).toBe('ImageLoadError');
});

test('predictions.subscribe to reframe without its target resolves with InputValidationError', async () => {
  const { client, person } = await fashnWorld();
  for (const mode of ['aspect_ratio', 'direction'] as const) {
    const inputs = { image: person(), mode };
    const result = await client.predictions.subscribe({ model_name: 'reframe', inputs, ...soon });
    expect(result).toMatchObject({ status: 'failed', creditsUsed: 0 });
    const target = mode === 'direction' ? 'target_direction' : 'target_aspect_ratio';
    expect(result.error).toMatchObject({ name: 'InputValidationError' });
    expect(result.error?.message).toContain(`requires ${target}`);
  }
});

test('predictions.subscribe resolves with canceled when FASHN says so', async () => {
  const { client, tryOn } = await fashnWorld({
    scenario: 'failed',
    providers: { fashn: { switches: { failure: 'canceled' } } },
  });
  const result = await client.predictions.subscribe({ ...tryOn(), ...soon });
  expect(result).toMatchObject({ status: 'canceled', error: null });
});

test('predictions.subscribe gives up after its own timeout with time_out', async () => {
  const { client, tryOn } = await fashnWorld({ scenario: 'stuck' });
  const result = await client.predictions.subscribe({ ...tryOn(), ...soon, timeout: 60 });
  expect(result).toMatchObject({ status: 'time_out', error: { name: 'PollingTimeout' } });
});

test('predictions.subscribe rejects when the connection is lost while it polls', async () => {
  const { client, tryOn, simulator } = await fashnWorld({ scenario: 'stuck' });
  const call = client.predictions.subscribe({
    ...tryOn(),
    ...soon,
    maxRetries: 0,
    onEnqueued: () => void simulator.close(),
  });
  await errorOf(Fashn.APIConnectionError, call);
});

test('predictions.run without an input that it needs is BadRequestError, which names it', async () => {
  const { client, person } = await fashnWorld();
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
    const { client, tryOn, simulator } = await fashnWorld(options);
    const error = await errorOf(Fashn.RateLimitError, client.predictions.run(tryOn()));
    expect(error).toMatchObject({ status: 429, error: { error: code } });
    expect(bookOf(simulator, 'fashn').accepted).toEqual([]);
  },
);

test('predictions.run waits as long as Retry-After says, and then succeeds', async () => {
  const { client, tryOn, simulator } = await fashnWorld({ scenario: 'rate-limited' });
  const startedMs = performance.now();
  await client.predictions.run(tryOn(), { maxRetries: 1 });
  expect(performance.now() - startedMs).toBeGreaterThan(900);
  expect(bookOf(simulator, 'fashn')).toMatchObject({ accepted: [{}], refused: [{}] });
});

test('predictions.run behind a broken gateway is InternalServerError, with the page as its text', async () => {
  const { client, tryOn } = await fashnWorld({ scenario: 'html-error' });
  const error = await errorOf(Fashn.InternalServerError, client.predictions.run(tryOn()));
  expect(error).toMatchObject({ status: 502, error: undefined });
  expect(error.message).toContain('502 Bad Gateway');
});

test('predictions.run is repeated by the client when its answer is lost, and paid twice', async () => {
  const { client, tryOn, simulator } = await fashnWorld({ scenario: 'lost-reply' });
  await errorOf(Fashn.APIConnectionError, client.predictions.run(tryOn()));
  expect(bookOf(simulator, 'fashn').accepted).toHaveLength(1);
  simulator.setScenario('lost-reply');
  await client.predictions.run(tryOn(), { maxRetries: 1 });
  expect(bookOf(simulator, 'fashn').accepted).toHaveLength(3);
});

test('predictions.run whose answer takes too long is APIConnectionTimeoutError', async () => {
  const { client, tryOn } = await fashnWorld({ scenario: 'webhook-before-reply' });
  // The simulator answers once its webhook is answered, and this one never is.
  const params = { ...tryOn(), webhook_url: await silentServer() };
  await errorOf(Fashn.APIConnectionTimeoutError, client.predictions.run(params, { timeout: 60 }));
});

test('predictions.run that is aborted is APIUserAbortError', async () => {
  const { client, tryOn } = await fashnWorld({ scenario: 'webhook-before-reply' });
  const params = { ...tryOn(), webhook_url: await silentServer() };
  const signal = AbortSignal.timeout(60);
  await errorOf(Fashn.APIUserAbortError, client.predictions.run(params, { signal }));
});

test('client.get of /v1/credits tells what is left', async () => {
  const { client, tryOn } = await fashnWorld({ providers: { fashn: { credits: 2_000 } } });
  await client.predictions.run(tryOn());
  expect((await client.get('/v1/credits').asResponse()).status).toBe(200);
  expect(await client.get('/v1/credits')).toMatchObject({
    credits: { total: 1_999, subscription: 999, on_demand: 1_000 },
  });
});

test('client.post runs a model that is not in the types of the client, such as tryon-max', async () => {
  const { client, person, garment } = await fashnWorld();
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
  const { client } = await fashnWorld();
  const form = new FormData();
  form.set('file', await Fashn.toFile(Buffer.from('a picture'), 'a.png'));
  const error = await errorOf(Fashn.NotFoundError, client.post('/v1/files', { body: form }));
  expect(error).toMatchObject({ status: 404, error: { error: 'NotFound' } });
});
