import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DIALECTS, type ScenarioName, startSimulator } from '../../simulator/index.ts';
import type { Observation } from '../../src/generation/events.ts';
import type { Outcome, ProviderTask } from '../../src/generation/generation.ts';
import { createHttpClient } from '../../src/outbound/http-client.ts';
import { createImageSource } from '../../src/outbound/image-source.ts';
import { createFolderFiles } from '../../src/providers/files.ts';
import type { Delivery, ProviderAdapter, SubmitRequest } from '../../src/providers/provider.ts';
import { PROVIDER_FACTORIES } from '../../src/providers/registry.ts';
import { loopbackServer } from '../support/loopback-server.ts';
import { type Fixture, IMAGES } from './fixture.ts';
import { KEY, modelOf, taskSample } from './world.ts';

/** The real adapter, with everything real around it, and the simulated provider. */
export interface Simulated {
  readonly adapter: ProviderAdapter;
  readonly publicUrl: string;
  /** Where results are kept that came as bytes. */
  readonly folder: string;
  book(): { readonly accepted: readonly { readonly taskId: string }[] };
  /** A submission that is ready to be paid for, with pictures of the simulator's own. */
  request(model?: string): Promise<SubmitRequest>;
  check(task: ProviderTask, model?: string): Promise<Observation>;
  /** Waits for the end of a task. */
  ended(): Promise<void>;
  /** From the submission to the end, however it is told. */
  run(model?: string): Promise<{ task: ProviderTask; outcome: Outcome }>;
  /** The delivery that tells the end. */
  finalDelivery(): Promise<Delivery>;
  /** So many deliveries that claim the end, authentic or not. */
  deliveriesOfEnd(count: number): Promise<readonly Delivery[]>;
}

const PUBLIC_URL = 'https://catwalk.example.com';

export async function openSimulated(
  fixture: Fixture,
  scenario: ScenarioName = 'ok',
  options: { timeScale?: number } = {},
): Promise<Simulated> {
  const finished = counter<string>();
  const simulator = await startSimulator({
    scenario,
    latencyMs: { min: 4_000, max: 4_000 },
    timeScale: options.timeScale ?? 0.01,
    seed: 1,
    log: (line) => finished.add(line),
  });
  const deliveries = counter<Delivery>();
  const receiver = await loopbackServer(({ headers, bytes }, _req, res) => {
    res.end();
    deliveries.add({ headers, body: bytes });
  });
  const webhookUrl = `${receiver.url}/webhooks/${fixture.name}/gen_1/to-ken_1`;
  if (fixture.declares.webhook === 'account') simulator.setWebhook(fixture.name, webhookUrl);

  const folder = await mkdtemp(join(tmpdir(), 'catwalk-contract-'));
  const http = createHttpClient({ timeoutMs: 20_000, maxBodyBytes: 25 * 1024 * 1024 });
  const images = createImageSource({ allowInsecure: true });
  onTestFinished(async () => {
    await simulator.close();
    await receiver.close();
    await Promise.all([http.close(), images.close(), rm(folder, { recursive: true })]);
  });

  const create = PROVIDER_FACTORIES.get(fixture.name);
  const secret = DIALECTS.find(({ name }) => name === fixture.name)?.defaultSecret;
  if (!create) throw new Error(`The registry has no ${fixture.name}`);
  const baseUrl = `${simulator.url}/${fixture.name}`;
  const adapter = create({
    ...fixture.settings({ url: baseUrl }),
    webhookSecrets: secret ? [secret] : [],
    http,
    images,
    files: createFolderFiles({ folder, publicUrl: PUBLIC_URL, secret: 'a secret of the contract' }),
  });
  const usual = taskSample(fixture).model;

  const world: Simulated = {
    adapter,
    publicUrl: PUBLIC_URL,
    folder,
    book: () => {
      const book = simulator.ledger()[fixture.name];
      if (!book) throw new Error(`The simulator keeps no book of ${fixture.name}`);
      return book;
    },
    check: (task, model = usual) => adapter.check(task, { model }),
    request: async (model = usual) => {
      const sample = fixture.samples.find((one) => one.model === model);
      const input = modelOf(adapter, model).input.parse(
        JSON.parse(
          JSON.stringify(sample?.input)
            .replaceAll(IMAGES.person, `${simulator.url}/assets/person.png`)
            .replaceAll(IMAGES.garment, `${simulator.url}/assets/garment-shirt.png`)
            .replaceAll(IMAGES.second, `${simulator.url}/assets/garment-dress.png`),
        ),
      );
      let request: SubmitRequest = { model, input, idempotencyKey: KEY, webhookUrl };
      for (let step = 0; adapter.prepare && step < 20; step++) {
        const { prepared, done } = await adapter.prepare(request);
        request = { ...request, prepared };
        if (done) break;
      }
      return request;
    },
    ended: async () => {
      await finished.until(1);
    },
    run: async (model = usual) => {
      const { task, outcome } = await adapter.submit(await world.request(model));
      if (outcome) return { task, outcome };
      await world.ended();
      const seen = await world.check(task, model);
      if (seen.kind !== 'final') throw new Error(`After its end, the task is ${seen.kind}`);
      return { task, outcome: seen.outcome };
    },
    finalDelivery: async () => {
      const [final] = await world.deliveriesOfEnd(1);
      if (!final) throw new Error('No delivery tells the end');
      return final;
    },
    deliveriesOfEnd: (count) =>
      deliveries.until(
        count,
        ({ body }) => adapter.webhook?.read(body).observation.kind === 'final',
      ),
  };
  return world;
}

/** Things that happen, and a way to wait for so many of them. */
function counter<T>() {
  const all: T[] = [];
  const waiting: (() => void)[] = [];
  return {
    add(one: T): void {
      all.push(one);
      for (const look of waiting) look();
    },
    until: (count: number, matches: (one: T) => boolean = () => true): Promise<T[]> =>
      new Promise((resolve) => {
        const look = () => {
          const found = all.filter(matches);
          if (found.length >= count) resolve(found);
        };
        waiting.push(look);
        look();
      }),
  };
}
