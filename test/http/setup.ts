import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../src/config/log.ts';
import { readSettings } from '../../src/config/settings.ts';
import { assemble } from '../../src/core.ts';
import { CompletionsJob } from '../../src/generation/jobs.ts';
import { startHttp } from '../../src/http/start.ts';
import { connectProviders } from '../../src/providers/connect.ts';
import { keysOf } from '../../src/store/keys.ts';
import { contentsOf, QUEUE_META } from '../support/contents.ts';

export const SECRET = 'our-own-secret-of-32-characters-or-more';
export const OLD_SECRET = 'our-old-secret-of-32-characters-or-more';
const FITINVIEW_SECRET = 'whsec_fitinview-signing-secret';
export const KEYS = { shop: 'key-of-the-shop-0001', rival: 'key-of-the-rival-0002' } as const;
export const BOARD = { user: 'operator', password: 'password-of-the-board' } as const;

const ENVIRONMENT = {
  NODE_ENV: 'test',
  ALLOW_INSECURE_URLS: 'true',
  LOG_LEVEL: 'debug',
  PORT: '0',
  PUBLIC_URL: 'https://catwalk.example.com',
  CATWALK_SECRET: `${SECRET},${OLD_SECRET}`,
  API_KEYS: `shop:${KEYS.shop},rival:${KEYS.rival}`,
  FITINVIEW_API_KEY: 'fiv_live_key_of_fitinview',
  FITINVIEW_WEBHOOK_SECRET: FITINVIEW_SECRET,
  FASHN_API_KEY: 'fa-key-of-fashn',
  BOARD_PASSWORD: BOARD.password,
};

/** A generation that nobody has asked for. */
export const ID = 'gen_01ARZ3NDEKTSV4RRFFQ69G5FAV';

/** Switches on a provider with one webhook address for the whole account. */
export const VTRYON = {
  VTRYON_API_KEY: 'vt-key',
  VTRYON_WEBHOOK_SECRET: 'vt-secret',
  VTRYON_BASE_URL: 'https://vtryon.example.com',
};

export const REQUEST = {
  provider: 'fashn',
  model: 'tryon-v1.6',
  input: {
    personImage: 'https://images.example.com/person.jpg',
    garmentImages: ['https://images.example.com/shirt.jpg'],
  },
};

/** One web process on a free port, with a namespace in Redis that nobody else uses. */
export async function setup(changes: Readonly<Record<string, string>> = {}) {
  const namespace = `test-${randomBytes(8).toString('hex')}`;
  const env = { ...ENVIRONMENT, REDIS_NAMESPACE: namespace, REDIS_URL: redisUrl(), ...changes };
  const settings = readSettings(env);
  const logged: string[] = [];
  const sink = new Writable({
    write: (line, _encoding, done) => {
      logged.push(String(line));
      done();
    },
  });
  const log = createLogger(settings.LOG_LEVEL, settings.secretValues, sink);
  const connected = connectProviders(settings);
  const installation = { settings: { ...settings, REDIS_URL: env.REDIS_URL }, ...connected, log };
  const web = await startHttp(assemble(installation, { whileAway: 'fail' }));
  const { redis, keys } = await namespaceIn(redisUrl(), namespace);
  onTestFinished(async () => {
    await web.stop();
    await connected.close();
  });

  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(web.url + path, init);
  const world = {
    url: web.url,
    web,
    env,
    redis,
    keys,
    logged,
    call,
    /** `POST /v1/generations`, as the shop unless said otherwise. */
    ask: (body: unknown = REQUEST, headers: Readonly<Record<string, string>> = {}) =>
      call('/v1/generations', {
        method: 'POST',
        headers: { ...bearer('shop'), 'content-type': 'application/json', ...headers },
        body:
          typeof body === 'string' || body instanceof Uint8Array
            ? asBody(body)
            : JSON.stringify(body),
      }),
    /** A delivery as FitInView sends it. */
    fromFitInView: (body: string, id = ID) =>
      call(`/webhooks/fitinview/${id}/${tokenOf('fitinview', id)}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-fitinview-signature': signedByFitInView(body),
        },
        body,
      }),
    cancel: (id: string) =>
      call(`/v1/generations/${id}/cancel`, { method: 'POST', headers: bearer('shop') }),
    /** Every key of this namespace with all it holds, but for what each open queue says of itself. */
    contents: () => contentsOf(redis, keys.prefix, QUEUE_META),
    ready: () => vi.waitFor(() => isReady(web.redis), { interval: 5, timeout: 5_000 }),
    queue: (name: string) => {
      const queue = new Queue(name, { connection: redis, prefix: keys.prefix });
      onTestFinished(() => queue.close());
      return queue;
    },
    /** Everything that waits in `completions`, job by job. */
    async completions() {
      const jobs = await world
        .queue('completions')
        .getJobs(['waiting', 'prioritized'], 0, -1, true);
      return jobs.map((job) => CompletionsJob.parse(job.data).items);
    },
  };
  if (!changes['REDIS_URL']) await world.ready();
  return world;
}

export type World = Awaited<ReturnType<typeof setup>>;

export function bearer(tenant: keyof typeof KEYS): { authorization: string } {
  return { authorization: `Bearer ${KEYS[tenant]}` };
}

export function basic(user: string = BOARD.user, password: string = BOARD.password) {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** What a refusal says, checked to be what every refusal is. */
export async function problemOf(response: Response) {
  const type = response.headers.get('content-type');
  if (!type?.startsWith('application/problem+json')) throw new Error(`no problem but ${type}`);
  const text = await response.text();
  for (const secret of [SECRET, OLD_SECRET, FITINVIEW_SECRET, ...Object.values(KEYS)]) {
    if (text.includes(secret)) throw new Error(`a secret is in ${text}`);
  }
  const problem = JSON.parse(text) as {
    code: string;
    status: number;
    type: string;
    detail: string;
    errors?: { field: string; message: string }[];
  };
  if (problem.status !== response.status) throw new Error(`two statuses: ${text}`);
  return { ...problem, fields: problem.errors?.map(({ field }) => field) ?? [] };
}

/** Refused for now: 503, with a time after which to ask again. */
export async function expectTryLater(
  response: Response,
  name?: string,
  code = 'temporarily_unavailable',
): Promise<void> {
  expect(Number(response.headers.get('retry-after')), name).toBeGreaterThan(0);
  expect(await problemOf(response), name).toMatchObject({ status: 503, code });
}

/** A generation as the API shows it. */
export async function generationOf(response: Response) {
  return z.looseObject({ id: z.string(), status: z.string() }).parse(await response.json());
}

/** Independent of our own code: FitInView's `X-FitInView-Signature`. */
export function signedByFitInView(body: string | Buffer, secret = FITINVIEW_SECRET): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** Independent of our own code: the token of a webhook URL. */
export function tokenOf(provider: string, id: string, secret = SECRET): string {
  return tokenUnder(keyOf('webhook-delivery', secret), `${provider}/${id}`);
}

/** Independent of our own code: the token of our own link to a kept result. */
export function resultTokenOf(id: string, index: number, secret = SECRET): string {
  return tokenUnder(keyOf('result-link', secret), `kept-result:${id}/${index}`);
}

/** The first 20 bytes of an HMAC, as base64url. */
export function tokenUnder(key: string | Buffer, subject: string): string {
  const digest = createHmac('sha256', key).update(subject).digest();
  return digest.subarray(0, 20).toString('base64url');
}

function keyOf(use: string, secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `catwalk:${use}`, 32));
}

export function redisUrl(): string {
  const url = process.env['REDIS_URL'];
  if (!url) throw new Error('REDIS_URL is not set: test/support/global-setup.ts sets it');
  return url;
}

/** A client, and the keys of one namespace, which are deleted when the test ends. */
export async function namespaceIn(url: string, namespace: string) {
  const redis = new Redis(url.replace(/^unix:\/\//, ''), { maxRetriesPerRequest: null });
  const keys = keysOf(namespace);
  await redis.ping();
  onTestFinished(async () => {
    const left = await redis.keys(`${keys.prefix}*`);
    if (left.length > 0) await redis.del(...left);
    redis.disconnect();
  });
  return { redis, keys };
}

function isReady(redis: Redis): void {
  if (redis.status !== 'ready') throw new Error(`Redis is ${redis.status}`);
}

function asBody(bytes: string | Uint8Array): NonNullable<RequestInit['body']> {
  return typeof bytes === 'string' ? bytes : new Blob([new Uint8Array(bytes)]);
}
