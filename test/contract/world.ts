import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { onTestFinished } from 'vitest';
import type { Observation } from '../../src/generation/events.ts';
import type { ProviderTask } from '../../src/generation/generation.ts';
import { fileTypeOf } from '../../src/outbound/file-type.ts';
import { createHttpClient } from '../../src/outbound/http-client.ts';
import type { ImageSource } from '../../src/outbound/image-source.ts';
import type { ProviderAdapter, SubmitRequest } from '../../src/providers/provider.ts';
import type { ProviderSettings } from '../../src/providers/provider-settings.ts';
import { createProviders, PROVIDER_FACTORIES } from '../../src/providers/registry.ts';
import { type LoopbackServer, loopbackServer, type Received } from '../support/loopback-server.ts';
import type { Answers, Exchange, Fixture, Sample, StandIn, WireAnswer } from './fixture.ts';

/** Something that no healthy server does, instead of an answer. */
export type Trouble = (...raw: Parameters<RequestListener>) => void;

export type Script = Readonly<Partial<Record<Exchange, WireAnswer | Trouble>>>;

export const KEY = 'gen_01HZZZZZZZZZZZZZZZZZZZZZZZ-1';
export const WEBHOOK_URL =
  'https://catwalk.example.com/webhooks/x/gen_01HZZZZZZZZZZZZZZZZZZZZZZZ/to-ken_1';

/** One stand-in provider, and the real adapter pointed at it. Gone when the test ends. */
export interface World {
  readonly adapter: ProviderAdapter;
  readonly server: LoopbackServer;
  /** The files that the adapter kept. */
  readonly kept: Buffer[];
  /** The pictures that the adapter loaded. */
  readonly loaded: string[];
  /** How every later exchange is answered. What is not named is answered as usual. */
  answer(script: Script | Answers): void;
  /** The requests of one exchange so far. */
  sent(exchange: Exchange): Received[];
  request(sample?: Sample, more?: Partial<SubmitRequest>): SubmitRequest;
  /** With the free steps done that come before `submit`. */
  prepared(request: SubmitRequest): Promise<SubmitRequest>;
  /** An accepted submission, prepared as usual. */
  begin(taskId?: string): Promise<ProviderTask>;
  check(task: ProviderTask, model?: string): Promise<Observation>;
}

export interface WorldOptions {
  readonly script?: Script | Answers | undefined;
  readonly settings?: Partial<ProviderSettings> | undefined;
  readonly baseUrl?: ((url: string) => string) | undefined;
  readonly timeoutMs?: number | undefined;
  readonly maxBodyBytes?: number | undefined;
  readonly submitTimeoutMs?: number | undefined;
  /** With what the app's pictures refuse to be loaded. */
  readonly imageTrouble?: Error | undefined;
  /** They are asked for, and do not come. */
  readonly imagesNeverCome?: boolean | undefined;
}

export async function openWorld(fixture: Fixture, options: WorldOptions = {}): Promise<World> {
  let script: Script | Answers = options.script ?? {};
  const kept: Buffer[] = [];
  const loaded: string[] = [];

  const server: LoopbackServer = await loopbackServer((received, req, res) => {
    const exchange = fixture.exchangeOf(received);
    const scripted = script[exchange];
    if (typeof scripted === 'function') return scripted(req, res);
    write(res, scripted ?? usual(fixture, received, exchange, server));
  });
  const { timeoutMs = 5_000, maxBodyBytes = 1_000_000 } = options;
  const http = createHttpClient({ timeoutMs, maxBodyBytes });
  onTestFinished(async () => {
    await server.close();
    await http.close();
  });

  const create = fixture.create ?? PROVIDER_FACTORIES.get(fixture.name);
  if (!create) throw new Error(`The registry has no ${fixture.name}, and its fixture no factory`);
  const images: ImageSource = {
    load: async (url) => {
      loaded.push(url);
      if (options.imageTrouble) throw options.imageTrouble;
      if (options.imagesNeverCome) return new Promise<never>(() => {});
      return { bytes: pictureAt(url), contentType: 'image/png', fileName: 'image.png' };
    },
    close: async () => {},
  };
  const files = {
    put: async (bytes: Buffer) => {
      if (!fileTypeOf(bytes)) return undefined;
      kept.push(bytes);
      return `https://catwalk.example.com/files/${createHash('sha256').update(bytes).digest('hex')}.png`;
    },
    putJson: async (text: string) => {
      kept.push(Buffer.from(text));
      return 'https://catwalk.example.com/files/data.json';
    },
    removeOlderThan: async () => {},
  };
  const settings = { ...fixture.settings(server), ...options.settings };
  const baseUrl = options.baseUrl?.(settings.baseUrl ?? server.url) ?? settings.baseUrl;
  const chosen = { [fixture.name]: { ...settings, baseUrl } };
  const shared = { http, images, files, submitTimeoutMs: options.submitTimeoutMs ?? 20_000 };
  // As the processes build it.
  const adapter = createProviders(chosen, shared, new Map([[fixture.name, create]])).get(
    fixture.name,
  );
  if (!adapter) throw new Error('What has settings is built');

  const world: World = {
    adapter,
    server,
    kept,
    loaded,
    answer: (next) => {
      script = next;
    },
    sent: (exchange) => server.received.filter((one) => fixture.exchangeOf(one) === exchange),
    request: (sample = fixture.samples[0], more = {}) => ({
      model: sample.model,
      input: modelOf(adapter, sample.model).input.parse(sample.input),
      idempotencyKey: KEY,
      ...more,
    }),
    prepared: async (request) => {
      let ready = request;
      for (let step = 0; adapter.prepare && step < 20; step++) {
        const { prepared, done } = await adapter.prepare(ready);
        ready = { ...ready, prepared };
        if (done) break;
      }
      return ready;
    },
    begin: async (taskId = fixture.taskId(1)) => {
      const before = script;
      script = { submit: fixture.accepted(taskId, server) };
      const request = await world.prepared(world.request(taskSample(fixture)));
      const { task } = await adapter.submit(request);
      script = before;
      return task;
    },
    check: (task, model = taskSample(fixture).model) => adapter.check(task, { model }),
  };
  return world;
}

/** A sample whose submission is answered with a task, not with its result. */
export function taskSample(fixture: Fixture): Sample {
  return fixture.samples.find(({ inline }) => !inline) ?? fixture.samples[0];
}

export function modelOf(adapter: ProviderAdapter, name: string) {
  const model = adapter.models[name];
  if (!model) throw new Error(`${adapter.name} has no model ${name}, which its fixture names`);
  return model;
}

/** What the app's picture at this URL looks like: tiny, a PNG by its first bytes, and its own. */
export function pictureAt(url: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    Buffer.from(url),
  ]);
}

function usual(
  fixture: Fixture,
  received: Received,
  exchange: Exchange,
  standIn: StandIn,
): WireAnswer {
  return (
    fixture.usual(received, standIn) ??
    (exchange === 'submit' ? fixture.accepted(fixture.taskId(1), standIn) : undefined) ?? {
      status: 501,
      body: `The fixture does not answer ${exchange}`,
    }
  );
}

export function write(res: Parameters<RequestListener>[1], answer: WireAnswer): void {
  const { status = 200, headers = {}, body } = answer;
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  const bytes = isRaw ? body : body === undefined ? '' : JSON.stringify(body);
  const type = isRaw ? {} : { 'content-type': 'application/json' };
  res.writeHead(status, { ...type, ...headers }).end(bytes);
}

/** The error that a promise is rejected with; fails when it is not. */
export async function refusedBy(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  throw new Error(`It was not refused, but answered ${JSON.stringify(outcome.value)}`);
}

/** Searches for a lost submission. @throws where the adapter has no search. */
export async function findBy(
  { adapter }: { adapter: ProviderAdapter },
  request: SubmitRequest,
): Promise<ProviderTask | undefined> {
  const { repeatSubmit } = adapter;
  if (repeatSubmit.kind !== 'search') throw new Error(`${adapter.name} cannot be searched`);
  return repeatSubmit.find(request);
}
