import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { z } from 'zod';
import { createRandom } from '../../rig/random.ts';
import { monotonicMs } from '../clock.ts';
import { type ProviderReady, type ProviderReport, ProviderWork } from './messages.ts';

/**
 * A provider that speaks as FASHN does and writes down when each request came and was done. It knows
 * a request by the picture's address, which also says whether it is refused: always, with 403.
 */

const WEBHOOK_CONNECTIONS = 32;

const Submission = z.object({ inputs: z.object({ model_image: z.url() }) });

const work = ProviderWork.parse(JSON.parse(process.env['BENCH_WORK'] ?? ''));
const random = createRandom(work.seed, 'tasks');
const agent = new Agent({ connections: WEBHOOK_CONNECTIONS });
const finished = new Set<string>();
const submitted: ProviderReport['submitted'] = [];
const done: ProviderReport['done'] = [];
let refused = 0;
let polls = 0;

function prediction(id: string) {
  if (!finished.has(id)) return { id, status: 'processing', error: null };
  const output = [`https://cdn.provider.example/results/${id}/tryon-output-1k.png`];
  return { id, status: 'completed', output, error: null };
}

async function finish(id: string, name: string, webhookUrl: string | null): Promise<void> {
  finished.add(id);
  done.push([name, monotonicMs()]);
  if (webhookUrl === null) return;
  const url = new URL(webhookUrl);
  const answer = await agent.request({
    origin: url.origin,
    path: url.pathname,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(prediction(id)),
  });
  await answer.body.dump();
}

async function run(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  const picture = new URL(Submission.parse(JSON.parse(text)).inputs.model_image).searchParams;
  if (picture.get('do') === 'refuse') {
    refused += 1;
    return send(response, 403, { error: 'Forbidden', message: 'Not with this key' });
  }
  const name = picture.get('request') ?? '';
  const id = randomUUID();
  submitted.push([name, monotonicMs()]);
  const webhookUrl = url.searchParams.get('webhook_url');
  setTimeout(
    // A webhook that is lost is the pipeline's to make up for.
    () => void finish(id, name, webhookUrl).catch(() => {}),
    random.between(...work.taskMs),
  );
  send(response, 200, { id, error: null });
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, headers).end(text);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://provider');
  if (request.method === 'POST') return run(request, url, response);
  if (url.pathname === '/v1/credits') {
    return send(response, 200, { credits: { total: 1_000_000, subscription: 0, on_demand: 0 } });
  }
  polls += 1;
  send(response, 200, prediction(url.pathname.split('/').at(-1) ?? ''));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    send(response, 400, { error: 'BadRequest', message: String(error) });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  process.send?.({ url: `http://127.0.0.1:${port}` } satisfies z.infer<typeof ProviderReady>);
});

process.on('message', () => {
  process.send?.({ submitted, done, refused, polls } satisfies ProviderReport);
});
