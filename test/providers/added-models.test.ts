import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { configure } from '../../src/core.ts';
import { loadAddedModels } from '../../src/providers/added-models.ts';
import { loadFactories } from '../../src/providers/modules.ts';
import type { ProviderAdapter } from '../../src/providers/provider.ts';
import { createProviders } from '../../src/providers/registry.ts';
import { type LoopbackServer, loopbackServer } from '../support/loopback-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sharedParts } from './shared-parts.ts';

const FLUX = 'fal-ai/flux-pro/v1/vto';
const PRUNA = 'p-image-try-on';
const image = 'https://img.example.com/person.jpg';

/** The example of docs/adding-a-model.md. */
async function example(): Promise<unknown> {
  const page = await readFile(new URL('../../docs/adding-a-model.md', import.meta.url), 'utf8');
  const [, json = ''] = /```json\n([\s\S]+?)```/.exec(page) ?? [];
  return JSON.parse(json);
}

async function fileOf(models: unknown): Promise<string> {
  const path = join(await temporaryFolder(), 'models.json');
  await writeFile(path, typeof models === 'string' ? models : JSON.stringify(models));
  return path;
}

/** The providers with added models, as the processes build them. */
async function providersAt(
  baseUrl: (provider: string) => string,
  models: unknown,
): Promise<ReadonlyMap<string, ProviderAdapter>> {
  const { close, ...shared } = await sharedParts();
  onTestFinished(close);
  const factories = await loadFactories(undefined, await fileOf(models));
  const settings = (name: string) => ({
    apiKey: 'a-key',
    baseUrl: baseUrl(name),
    webhookSecrets: [],
  });
  const names = ['fal', 'replicate', 'segmind'];
  const all = Object.fromEntries(names.map((name) => [name, settings(name)]));
  return createProviders(all, shared, factories);
}

describe('the example of the page', async () => {
  const models = await example();

  async function simulated() {
    const simulator: Simulator = await startSimulator({ timeScale: 0.001, seed: 1 });
    onTestFinished(() => simulator.close());
    const providers = await providersAt((name) => `${simulator.url}/${name}`, models);
    return { simulator, providers };
  }

  test.each([
    ['fal', FLUX, { garmentImage: 'shirt', prompt: 'tucked in' }],
    ['fal', FLUX, { garmentImage: 'shirt' }],
    ['replicate', PRUNA, { garmentImages: ['shirt', 'dress'], speed: 'fast' }],
  ])('%s makes a picture with %s and %j', async (provider, model, said) => {
    const { simulator, providers } = await simulated();
    const adapter = providers.get(provider);
    const pictures = JSON.stringify({ personImage: 'person', ...said })
      .replace('"person"', `"${simulator.url}/assets/person.png"`)
      .replaceAll(/"(shirt|dress)"/g, `"${simulator.url}/assets/garment-$1.png"`);
    const input = adapter?.models[model]?.input.parse(JSON.parse(pictures)) ?? {};
    const answer = await adapter?.submit({ model, input, idempotencyKey: 'gen_1-1' });
    if (!adapter || !answer) throw new Error('no such provider');
    await expect
      .poll(() => adapter.check(answer.task, { model }), { timeout: 10_000 })
      .toMatchObject({ kind: 'final', outcome: { verdict: 'completed' } });
    const seen = await adapter.check(answer.task, { model });
    const [result] =
      seen.kind === 'final' && seen.outcome.verdict === 'completed' ? seen.outcome.results : [];
    if (result?.kind !== 'file') throw new Error('no picture');
    expect((await fetch(result.url)).headers.get('content-type')).toMatch(/^image\//);
  });

  test('what its models take is as strict as of any other', async () => {
    const { providers } = await simulated();
    const flux = providers.get('fal')?.models[FLUX];
    const pruna = providers.get('replicate')?.models[PRUNA];
    expect(z.toJSONSchema(flux?.input ?? z.never(), { io: 'input' })).toMatchObject({
      required: ['personImage', 'garmentImage'],
      additionalProperties: false,
      properties: {
        personImage: { format: 'uri' },
        prompt: { maxLength: 500, description: 'How it is worn: `tucked in`.' },
      },
    });
    const takes = (input: object) => pruna?.input.safeParse(input).success;
    const usual = { personImage: image, garmentImages: [image] };
    expect(takes(usual)).toBe(true);
    expect(takes({ ...usual, speed: 'fast' })).toBe(true);
    for (const odd of [
      { ...usual, speed: true },
      { ...usual, garmentImages: [] },
      { ...usual, garmentImages: Array.from({ length: 12 }, () => image) },
      { ...usual, personImage: 'data:image/png;base64,AA' },
      { ...usual, turbo: true },
      { garmentImages: [image] },
    ]) {
      expect(takes(odd), JSON.stringify(odd)).toBe(false);
    }
  });

  test('its models are beside those that are built in, in every process', async () => {
    const env = {
      REDIS_URL: 'redis://127.0.0.1:1',
      CATWALK_SECRET: 'our-own-secret-of-32-characters-or-more',
      FAL_API_KEY: 'id:key',
      REPLICATE_API_KEY: 'r8_key',
      MODELS_FILE: await fileOf(models),
    };
    const installation = await configure(env, { apiKeys: false });
    onTestFinished(() => installation.close());
    const { fal, replicate } = Object.fromEntries(installation.providers);
    expect(Object.keys(fal?.models ?? {})).toEqual(
      expect.arrayContaining(['fal-ai/fashn/tryon/v1.6', FLUX]),
    );
    expect(fal?.models[FLUX]).toMatchObject({
      type: 'image-quality',
      price: expect.stringContaining('0.0375 USD'),
      poll: { giveUpAfterMs: 300_000 },
    });
    expect(replicate?.models[PRUNA]?.resultLifetimeMs).toBe(3_600_000);
  });
});

describe('what is sent and read', () => {
  const about = 'A model that a file adds.';
  const model = (more: object) => ({
    type: 'image-fast',
    about,
    input: { personImage: { type: 'image' } },
    ...more,
  });
  /** One that answers everything with this. */
  async function answering(body: unknown): Promise<LoopbackServer> {
    const server = await loopbackServer((_received, _req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    onTestFinished(server.close);
    return server;
  }
  const sentTo = (server: LoopbackServer) => {
    const [sent] = server.received;
    return { url: sent?.url, body: JSON.parse(sent?.body ?? '{}') as unknown };
  };

  test('fields go where the file says, constants where the app says nothing', async () => {
    const server = await answering({ request_id: 'r1' });
    const providers = await providersAt(() => server.url, {
      fal: {
        mine: model({
          providerModel: 'fal-ai/some/model',
          input: {
            personImage: { type: 'image', to: 'image_urls[]' },
            garmentImages: { type: 'images', max: 3, to: 'image_urls[]' },
            ratio: { type: 'choice', values: { tall: '9:16' }, to: 'aspect_ratio.ratio' },
            strength: { type: 'number', min: 0, max: 1 },
            steps: { type: 'integer' },
            words: { type: 'text' },
            safe: { type: 'boolean', to: 'safety.checker' },
          },
          constants: { num_images: 1, strength: 0.8, words: 'as usual' },
        }),
      },
    });
    const input = {
      personImage: `${image}?1`,
      garmentImages: [`${image}?2`, `${image}?3`],
      ratio: 'tall',
      words: 'as I say',
      safe: false,
    };
    await providers.get('fal')?.submit({ model: 'mine', input, idempotencyKey: 'k' });
    expect(sentTo(server)).toEqual({
      url: '/fal-ai/some/model',
      body: {
        image_urls: [`${image}?1`, `${image}?2`, `${image}?3`],
        aspect_ratio: { ratio: '9:16' },
        num_images: 1,
        strength: 0.8,
        words: 'as I say',
        safety: { checker: false },
      },
    });
  });

  test('Replicate runs the model that the file names, also in place of a built-in one', async () => {
    const server = await answering({ id: 'p1', status: 'starting' });
    const version = `cuuupid/idm-vton:${'a'.repeat(64)}`;
    const providers = await providersAt(() => server.url, {
      replicate: { 'cuuupid/idm-vton': model({ providerModel: version }) },
    });
    const input = { personImage: image };
    await providers
      .get('replicate')
      ?.submit({ model: 'cuuupid/idm-vton', input, idempotencyKey: 'k' });
    expect(sentTo(server).body).toEqual({ version, input: { personImage: image } });
  });

  test('Segmind queues the model that the file names, and its results are where it says', async () => {
    const link = 'https://images.segmind.com/one.png';
    const server = await answering({
      request_id: 'r1',
      status: 'COMPLETED',
      output: { look: link, mask: 'https://images.segmind.com/mask.png' },
    });
    const providers = await providersAt(() => server.url, {
      segmind: { mine: model({ providerModel: 'some-model', results: 'look' }) },
    });
    const segmind = providers.get('segmind');
    const task = await segmind?.submit({
      model: 'mine',
      input: { personImage: image },
      idempotencyKey: 'k',
    });
    expect(sentTo(server)).toEqual({ url: '/v2/some-model', body: { personImage: image } });
    const seen = await segmind?.check(task?.task ?? { id: 'r1' }, { model: 'mine' });
    const results = [{ kind: 'file', url: link }];
    expect(seen).toMatchObject({ kind: 'final', outcome: { verdict: 'completed', results } });
  });

  test('results are read where the file says, and a task without addresses is found', async () => {
    const link = 'https://v3.fal.media/files/v.mp4';
    const server = await answering({
      status: 'COMPLETED',
      output: { clips: [{ url: link }], image: { url: 'https://v3.fal.media/files/poster.png' } },
    });
    const providers = await providersAt(() => server.url, {
      fal: {
        mine: model({
          type: 'video',
          providerModel: 'fal-ai/some/model',
          results: 'output.clips.*.url',
        }),
      },
    });
    const seen = await providers.get('fal')?.check({ id: 'r1' }, { model: 'mine' });
    const results = [{ kind: 'file', url: link }];
    expect(seen).toMatchObject({ kind: 'final', outcome: { verdict: 'completed', results } });
    expect(server.received.map(({ url }) => url)).toEqual([
      '/fal-ai/some/requests/r1/status',
      '/fal-ai/some/requests/r1',
    ]);
  });

  test('a webhook whose result could be two things is left to the status check', async () => {
    const providers = await providersAt(() => 'http://127.0.0.1:1', {
      fal: { mine: model({ providerModel: 'fal-ai/some/model', results: 'clip.url' }) },
      replicate: { mine: model({ providerModel: 'some/model', results: 'clip' }) },
    });
    const read = (provider: string, body: unknown) =>
      providers.get(provider)?.webhook?.read(Buffer.from(JSON.stringify(body))).observation;
    const url = 'https://v3.fal.media/files/one.png';
    const fal = (payload: object) => read('fal', { request_id: 'r1', status: 'OK', payload });
    expect(fal({ image: { url } })).toMatchObject({ kind: 'final' });
    expect(fal({ clip: { url } })).toMatchObject({ kind: 'final' });
    expect(fal({ clip: { url }, image: { url: `${url}?poster` } })).toMatchObject({ kind: 'live' });
    const replicate = (output: unknown) =>
      read('replicate', { id: 'p1', status: 'succeeded', output });
    expect(replicate(url)).toMatchObject({ kind: 'final' });
    expect(replicate({ clip: url, poster: `${url}?poster` })).toMatchObject({ kind: 'live' });
  });
});

describe('what is wrong in a file is said with its place', () => {
  const usual = {
    type: 'image-fast',
    about: 'A model that a file adds.',
    input: { personImage: { type: 'image' } },
  };
  const fal = (more: object) => ({ fal: { 'fal-ai/a/b': { ...usual, ...more } } });
  const field = (more: object) => fal({ input: { one: more } });

  test.each<[unknown, RegExp]>([
    ['{"fal":', /^MODELS_FILE: \S+ is not JSON: /],
    ['[]', /^MODELS_FILE: \S+models\.json: Invalid input/],
    [{ segmind: { 'a/b': usual } }, /segmind, a\/b: providerModel: must be as in the address/],
    [{ fashn: {} }, /models\.json: Unrecognized key: "fashn"/],
    [{ fal: { 'a b': usual } }, /fal, a b: is no name of a model/],
    [{ fal: { mine: usual } }, /fal, mine: providerModel: must be as in the address/],
    [fal({ providerModel: 'fal-ai/../admin' }), /fal, fal-ai\/a\/b: providerModel: /],
    [{ replicate: { mine: usual } }, /replicate, mine: providerModel: must be `owner\/name`/],
    [fal({ type: 'picture' }), /fal, fal-ai\/a\/b: type: /],
    [fal({ about: 'short' }), /: about: takes one line/],
    [fal({ prize: '1 USD' }), /Unrecognized key: "prize"/],
    [fal({ poll: { everyMs: 1 } }), /: poll\.everyMs: /],
    [fal({ poll: { patienceMs: 1_000 } }), /: poll: Unrecognized key: "patienceMs"/],
    [fal({ results: 'a[0].url' }), /: results: takes names and/],
    [fal({ input: {} }), /: input: must name a field/],
    [fal({ input: { Seed: { type: 'integer' } } }), /input\.Seed: is no name of a field/],
    [field({ type: 'picture' }), /: input\.one\.type: /],
    [field({ type: 'images' }), /: input\.one\.max: /],
    [field({ type: 'text', maxLenght: 5 }), /: input\.one: Unrecognized key: "maxLenght"/],
    [field({ type: 'choice', values: [] }), /: input\.one\.values: /],
    [field({ type: 'choice', values: {} }), /: input\.one\.values: /],
    [field({ type: 'integer', min: 5, max: 4 }), /: input\.one\.min: must not be more than max/],
    [field({ type: 'integer', to: 'a..b' }), /: input\.one\.to: takes names joined by dots/],
    [
      fal({ input: { one: { type: 'text', to: 'a' }, two: { type: 'text', to: 'a' } } }),
      /: input\.two\.to: is where one goes already; `a\[\]` is a list of both/,
    ],
    [
      fal({ constants: { one: 1, 'one.two': 2 } }),
      /fal, fal-ai\/a\/b: one is both a value and an object/,
    ],
    [fal({ constants: { 'a b': 1 } }), /: constants\.a b: takes names joined by dots/],
  ])('%j', async (models, says) => {
    const refused = loadAddedModels(await fileOf(models));
    await expect(refused).rejects.toMatchObject({
      code: 'invalid_settings',
      message: expect.stringMatching(says),
    });
  });

  test('all of it at once, a line each', async () => {
    const refused = loadAddedModels(await fileOf(fal({ type: 'x', about: 'y', prize: 'z' })));
    const message = await refused.catch((error: Error) => error.message);
    expect(String(message).split('\n')).toHaveLength(3);
  });

  test('a file that is not there, and none at all', async () => {
    await expect(loadAddedModels('/nowhere/models.json')).rejects.toThrow(
      /^MODELS_FILE: \/nowhere\/models\.json cannot be read: ENOENT/,
    );
    for (const none of [undefined, '', ' ']) expect((await loadAddedModels(none)).size).toBe(0);
  });
});
