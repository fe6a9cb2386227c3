import Fashn from 'fashn';
import { expect, test } from 'vitest';
import { errorOf, pictureAt } from '../setup.ts';
import { SOON, setupFashn } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "FASHN" in docs/simulator.md.

test('predictions.subscribe polls to the end, and tells every step on the way', async () => {
  const { client, tryOn } = await setupFashn({ timeScale: 0.25 });
  const told: string[] = [];
  const result = await client.predictions.subscribe({
    ...tryOn(),
    ...SOON,
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
  ['model-swap', (m) => ({ model_image: m, prompt: 'red hair' }), { width: 683, height: 1024 }],
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
  const { client, person, garment } = await setupFashn();
  // The pairs of this table are of many types, and TypeScript cannot see that they belong together.
  const params = { model_name: name, inputs: inputs(person(), garment()) } as never;
  const result = await client.predictions.subscribe(Object.assign(params, SOON));
  expect(result).toMatchObject({ status: 'completed', creditsUsed: 1 });
  expect(await pictureAt(result.output?.[0])).toMatchObject({
    format: 'png',
    contentType: 'image/png',
    ...kind,
  });
});

test('predictions.subscribe to image-to-video gives a real film', async () => {
  const { client, person } = await setupFashn();
  const result = await client.predictions.subscribe({
    model_name: 'image-to-video',
    inputs: { image: person(), duration: 10, resolution: '480p' },
    ...SOON,
  });
  expect(result).toMatchObject({ status: 'completed', creditsUsed: 2 });
  const answer = await fetch(result.output?.[0] ?? '');
  expect(answer.headers.get('content-type')).toBe('video/mp4');
  expect(Buffer.from(await answer.arrayBuffer()).toString('latin1', 4, 8)).toBe('ftyp');
});

test.each(['png', 'jpeg'] as const)(
  'predictions.subscribe with output_format %s gives that format, by its address and inline',
  async (format) => {
    const { client, tryOn } = await setupFashn();
    const inputs = { output_format: format };
    const linked = await client.predictions.subscribe({ ...tryOn(inputs), ...SOON });
    expect(linked.output?.[0]).toMatch(new RegExp(`/[0-9a-f-]{36}\\.${format}$`));
    const expected = { format, contentType: `image/${format}`, width: 864 };
    expect(await pictureAt(linked.output?.[0])).toMatchObject(expected);
    const inline = await client.predictions.subscribe({
      ...tryOn({ ...inputs, return_base64: true }),
      ...SOON,
    });
    expect(inline.output?.[0]).toMatch(`data:image/${format};base64,`);
    expect(await pictureAt(inline.output?.[0])).toMatchObject(expected);
  },
);

test('predictions.subscribe takes saved models by name, and one that is not there is ImageLoadError', async () => {
  const { client, tryOn } = await setupFashn();
  const subscribe = (name: string) =>
    client.predictions.subscribe({ ...tryOn({ model_image: `saved:${name}` }), ...SOON });
  expect(await pictureAt((await subscribe('person')).output?.[0])).toMatchObject({ width: 864 });
  expect((await subscribe('nobody')).error).toMatchObject({ name: 'ImageLoadError' });
});

test('predictions.subscribe takes a picture inline', async () => {
  const { client, tryOn, garment } = await setupFashn();
  const bytes = Buffer.from(await (await fetch(garment())).arrayBuffer());
  const inline = `data:image/png;base64,${bytes.toString('base64')}`;
  const result = await client.predictions.subscribe({
    ...tryOn({ garment_image: inline }),
    ...SOON,
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
  const { client, tryOn } = await setupFashn({ ...options, providers: { fashn: { switches } } });
  const result = await client.predictions.subscribe({ ...tryOn(), ...SOON });
  expect(result).toMatchObject({ status: 'failed', creditsUsed: 0 });
  expect(result.error).toEqual({ name, message: expect.stringMatching(/\w+ .*\.$/) });
  expect(result).not.toHaveProperty('output');
});

test('predictions.subscribe resolves with ImageLoadError for an image that is not there', async () => {
  const { client, tryOn, simulator, garment } = await setupFashn();
  const missing = `${simulator.url}/assets/missing.png`;
  const result = await client.predictions.subscribe({
    ...tryOn({ model_image: missing }),
    ...SOON,
  });
  expect(result.error?.name).toBe('ImageLoadError');
  const guided = await client.predictions.subscribe({
    model_name: 'product-to-model',
    inputs: { product_image: garment(), image_prompt: missing },
    ...SOON,
  });
  expect(guided.error?.name).toBe('ImageLoadError');
});

test('predictions.subscribe to reframe without its target resolves with InputValidationError', async () => {
  const { client, person } = await setupFashn();
  for (const mode of ['aspect_ratio', 'direction'] as const) {
    const inputs = { image: person(), mode };
    const result = await client.predictions.subscribe({ model_name: 'reframe', inputs, ...SOON });
    expect(result).toMatchObject({ status: 'failed', creditsUsed: 0 });
    const target = mode === 'direction' ? 'target_direction' : 'target_aspect_ratio';
    expect(result.error).toMatchObject({ name: 'InputValidationError' });
    expect(result.error?.message).toContain(`requires ${target}`);
  }
});

test('predictions.subscribe resolves with canceled when FASHN says so', async () => {
  const { client, tryOn } = await setupFashn({
    scenario: 'failed',
    providers: { fashn: { switches: { failure: 'canceled' } } },
  });
  const result = await client.predictions.subscribe({ ...tryOn(), ...SOON });
  expect(result).toMatchObject({ status: 'canceled', error: null });
});

test('predictions.subscribe gives up after its own timeout with time_out', async () => {
  const { client, tryOn } = await setupFashn({ scenario: 'stuck' });
  const result = await client.predictions.subscribe({ ...tryOn(), ...SOON, timeout: 60 });
  expect(result).toMatchObject({ status: 'time_out', error: { name: 'PollingTimeout' } });
});

test('predictions.subscribe rejects when the connection is lost while it polls', async () => {
  const { client, tryOn, simulator } = await setupFashn({ scenario: 'stuck' });
  const call = client.predictions.subscribe({
    ...tryOn(),
    ...SOON,
    maxRetries: 0,
    onEnqueued: () => void simulator.close(),
  });
  await errorOf(Fashn.APIConnectionError, call);
});
