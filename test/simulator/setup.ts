import type { IncomingHttpHeaders } from 'node:http';
import { onTestFinished } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { type Simulator, startSimulator } from '../../simulator/server/start-simulator.ts';
import { loopbackServer } from '../support/loopback-server.ts';

export interface ReceivedWebhook {
  headers: IncomingHttpHeaders;
  /** The exact bytes, for checking signatures. */
  bytes: Buffer;
  body: Record<string, unknown>;
}

/** A webhook endpoint that records what comes and lets a test wait for it. */
export interface Receiver {
  url: string;
  received: ReceivedWebhook[];
  /** Answers to give, in order; 200 when the list is used up. */
  answers: number[];
  /** Resolves when `count` webhooks have been answered. */
  until(count: number): Promise<ReceivedWebhook[]>;
  /** The first webhook, once it has been answered. */
  first(): Promise<ReceivedWebhook>;
}

async function startReceiver(): Promise<Receiver> {
  const received: ReceivedWebhook[] = [];
  const waiting: { count: number; resolve: (all: ReceivedWebhook[]) => void }[] = [];
  const answers: number[] = [];
  const server = await loopbackServer(({ headers, bytes, body }, _request, response) => {
    response.writeHead(answers.shift() ?? 200).end();
    received.push({ headers, bytes, body: JSON.parse(body) });
    for (const waiter of waiting) if (received.length >= waiter.count) waiter.resolve(received);
  });
  onTestFinished(() => server.close());
  const until = (count: number) =>
    new Promise<ReceivedWebhook[]>((resolve) => {
      if (received.length >= count) resolve(received);
      else waiting.push({ count, resolve });
    });
  const first = async () => {
    const [webhook] = await until(1);
    if (!webhook) throw new Error('no webhook');
    return webhook;
  };
  return { url: `${server.url}/hook?token=t`, received, answers, until, first };
}

/** A POST of JSON. */
export function jsonPost(body: unknown, headers: Record<string, string> = {}) {
  const type = { 'content-type': 'application/json' };
  return { method: 'POST', headers: { ...type, ...headers }, body: JSON.stringify(body) };
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** One simulator, one receiver, and short ways to call both providers; gone when the test ends. */
export async function setup(options: SimulatorOptions = {}) {
  const simulator = await startSimulator({
    latencyMs: { min: 4_000, max: 4_000 },
    timeScale: 0.005,
    ...options,
  });
  onTestFinished(() => simulator.close());
  const receiver = await startReceiver();
  const assets = `${simulator.url}/assets`;

  async function call(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${simulator.url}${path}`, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : { text },
    };
  }

  function post(path: string, key: string, body: unknown, headers: Record<string, string> = {}) {
    return call(path, jsonPost(body, { authorization: `Bearer ${key}`, ...headers }));
  }

  const person = (query = '') => `${assets}/person.png${query}`;
  const garment = (name = 'shirt') => `${assets}/garment-${name}.png`;

  return {
    simulator,
    receiver,
    call,
    post,
    person,
    garment,
    fitinview: createFitInViewCalls({ call, post, person, garment }),
    fashn: createFashnCalls({ call, post, person, garment }),
  };
}

interface Calls {
  call(path: string, init?: RequestInit): Promise<Answer>;
  post(path: string, key: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  person(query?: string): string;
  garment(name?: string): string;
}

const fitinviewKey = 'fiv_live_tests';
const fashnKey = 'fa-tests';

function createFitInViewCalls({ call, post, person, garment }: Calls) {
  return {
    submit: (body: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
      post(
        '/fitinview/api/v1/tryon',
        fitinviewKey,
        { person_url: person(), garment_urls: [garment()], wait: false, ...body },
        headers,
      ),
    get: (path: string) =>
      call(`/fitinview/api/v1${path}`, { headers: { authorization: `Bearer ${fitinviewKey}` } }),
  };
}

function createFashnCalls({ call, post, person, garment }: Calls) {
  return {
    run: (
      options: { query?: string; webhookUrl?: string; inputs?: Record<string, unknown> } = {},
    ) => {
      const hook = options.webhookUrl
        ? `?webhook_url=${encodeURIComponent(options.webhookUrl)}`
        : '';
      return post(`/fashn/v1/run${hook}`, fashnKey, {
        model_name: 'tryon-v1.6',
        inputs: {
          model_image: person(options.query),
          garment_image: garment(),
          ...options.inputs,
        },
      });
    },
    get: (path: string) =>
      call(`/fashn/v1${path}`, { headers: { authorization: `Bearer ${fashnKey}` } }),
  };
}

/** Polls until the status is one of `statuses`; returns every distinct status seen on the way. */
export async function pollUntil(
  poll: () => Promise<Answer>,
  statuses: string[],
): Promise<{ last: Answer; seen: string[] }> {
  const seen: string[] = [];
  for (;;) {
    const last = await poll();
    const status = String(last.body['status']);
    if (seen.at(-1) !== status) seen.push(status);
    if (statuses.includes(status)) return { last, seen };
  }
}

/** What happened at one provider. */
export function ledgerOf(simulator: Simulator, provider: string) {
  const ledger = simulator.ledger()[provider];
  if (!ledger) throw new Error(`no ledger of ${provider}`);
  return ledger;
}
