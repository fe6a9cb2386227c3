import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { DEMO_CATALOGUE } from '../rig/demo/catalogue.ts';
import { connectCatwalk } from '../src/index.ts';
import { DIALECTS } from './dialects.ts';
import { type Ready, type Real, ShopCommand, type ShopReport } from './messages.ts';

/**
 * An app with real customers, in a process of its own: asks for generations at an even pace, and
 * writes down when it was notified of each, as a subscriber and by callback.
 */

const ENV = z
  .object({
    ATTACK_API_URL: z.string(),
    ATTACK_API_KEY: z.string(),
    ATTACK_PICTURES_URL: z.string(),
  })
  .parse(process.env);
const PROVIDERS = Object.keys(DIALECTS);
const ASK_AGAIN_MS = 500;
const ASK_FOR_MS = 60_000;
const TOLD_WITHIN_MS = 90_000;
const CHECK_EVERY_MS = 100;

interface Entry extends Real {
  eventIds: Set<string>;
}
const byMarker = new Map<string, Entry>();
const pool = new Pool(ENV.ATTACK_API_URL, { connections: 16 });
const headers = {
  authorization: `Bearer ${ENV.ATTACK_API_KEY}`,
  'content-type': 'application/json',
};

const Event = z.object({
  id: z.string(),
  data: z.object({
    outcome: z.string(),
    metadata: z.object({ marker: z.string() }).nullable().catch(null),
  }),
});

function hear(event: unknown, how: 'toldAtMs' | 'calledBackAtMs'): void {
  const { id, data } = Event.parse(event);
  const entry = byMarker.get(data.metadata?.marker ?? '');
  if (!entry) return;
  entry.eventIds.add(id);
  entry[how] ??= Date.now();
  entry.outcome ??= data.outcome;
}

async function ask(entry: Entry, provider: string, callbackUrl: string): Promise<void> {
  const request = DEMO_CATALOGUE[provider];
  if (!request) throw new Error(`Nobody knows what to ask ${provider} for.`);
  const { marker } = entry;
  const body = JSON.stringify({
    provider,
    model: request.model,
    input: request.input(
      `${ENV.ATTACK_PICTURES_URL}/person.png?simulate=ok&marker=${marker}`,
      `${ENV.ATTACK_PICTURES_URL}/garment-shirt.png`,
    ),
    metadata: { marker },
    callbackUrl,
  });
  const until = Date.now() + ASK_FOR_MS;
  while (entry.id === null && Date.now() < until) {
    const answer = await call('POST', '/v1/generations', { 'idempotency-key': marker }, body);
    if (answer && answer.status < 300) {
      entry.id = answer.id;
      entry.acceptedAtMs = Date.now();
    } else {
      entry.refused += 1;
      await wait(ASK_AGAIN_MS);
    }
  }
}

const Shown = z.object({ id: z.string().catch(''), status: z.string().catch('') });

/** Undefined when there was no answer. */
async function call(method: 'GET' | 'POST', path: string, more = {}, body: string | null = null) {
  try {
    const answer = await pool.request({ method, path, headers: { ...headers, ...more }, body });
    const shown = Shown.safeParse(await answer.body.json());
    return {
      status: answer.statusCode,
      id: shown.data?.id ?? null,
      state: shown.data?.status ?? null,
    };
  } catch {
    return undefined;
  }
}

async function receiveCallbacks(): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    // A request's chunks are Buffers as long as no encoding is set.
    for await (const chunk of request) chunks.push(chunk as Buffer);
    hear(JSON.parse(Buffer.concat(chunks).toString()), 'calledBackAtMs');
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server has an address of this shape.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/catwalk`;
}

const callbackUrl = await receiveCallbacks();
const catwalk = await connectCatwalk(process.env);
await catwalk.onCompletion('shop', (event) => hear(event, 'toldAtMs'));

let asking: NodeJS.Timeout | undefined;
let asked: Promise<void>[] = [];

function begin(phase: string, perSecond: number): void {
  clearInterval(asking);
  asking = setInterval(() => {
    const provider = PROVIDERS[byMarker.size % PROVIDERS.length] ?? '';
    const marker = `real-${byMarker.size}`;
    const entry: Entry = {
      ...{ phase, marker, provider, id: null, outcome: null, toldAtMs: null },
      ...{ askedAtMs: Date.now(), acceptedAtMs: null, calledBackAtMs: null },
      ...{ events: 0, status: null, refused: 0, eventIds: new Set() },
    };
    byMarker.set(marker, entry);
    asked.push(ask(entry, provider, callbackUrl));
  }, 1_000 / perSecond);
}

/** Asks for no more, and waits until everybody was notified of everything, or for long enough. */
async function end(): Promise<z.infer<typeof ShopReport>> {
  clearInterval(asking);
  await Promise.all(asked);
  asked = [];
  const until = Date.now() + TOLD_WITHIN_MS;
  const isOpen = (entry: Entry): boolean =>
    entry.id !== null && (entry.toldAtMs === null || entry.calledBackAtMs === null);
  while ([...byMarker.values()].some(isOpen) && Date.now() < until) await wait(CHECK_EVERY_MS);
  for (const entry of byMarker.values()) {
    const answer = entry.id && (await call('GET', `/v1/generations/${entry.id}`));
    entry.status = answer ? answer.state : null;
  }
  const generations = [...byMarker.values()].map(({ eventIds, ...entry }) => ({
    ...entry,
    events: eventIds.size,
  }));
  return { generations };
}

process.on('message', async (message) => {
  const command = ShopCommand.parse(message);
  if (command.do === 'begin') begin(command.phase, command.perSecond);
  process.send?.(command.do === 'begin' ? { ready: true } : await end());
});
process.once('SIGTERM', async () => {
  // Without Redis it would wait for ever.
  setTimeout(() => process.exit(1), 5_000).unref();
  clearInterval(asking);
  await catwalk.close();
  process.exit();
});
process.send?.({ ready: true } satisfies z.infer<typeof Ready>);
