import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { z } from 'zod';
import { monotonicMs } from './clock.ts';
import { StubCommand, type StubReady, type StubReport } from './messages.ts';

/**
 * The simplest FitInView: accepts every submission at once, is done a moment later, and sends the
 * signed webhook. A process of its own, whose CPU time does not count.
 */

const WORK_MS = 50;
const WEBHOOK_CONNECTIONS = 32;

const Submission = z.object({ webhook_url: z.url() });

const secret = process.env['FITINVIEW_WEBHOOK_SECRET'] ?? '';
const agent = new Agent({ connections: WEBHOOK_CONNECTIONS });
const finished = new Set<string>();
const done: StubReport['done'] = [];
let submits = 0;
let polls = 0;
let refused = 0;
let holding = false;
let heldBack: (() => void)[] = [];

function finish(taskId: string, webhookUrl: string): void {
  finished.add(taskId);
  const url = new URL(webhookUrl);
  const generationId = url.pathname.split('/')[3] ?? '';
  done.push([generationId, monotonicMs()]);
  void sendWebhook(url, JSON.stringify(job(taskId))).catch(() => {
    refused += 1;
  });
}

async function sendWebhook(url: URL, body: string): Promise<void> {
  const answer = await agent.request({
    origin: url.origin,
    path: url.pathname,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-fitinview-signature': createHmac('sha256', secret).update(body).digest('hex'),
    },
    body,
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) refused += 1;
}

function job(taskId: string) {
  if (!finished.has(taskId)) return { id: taskId, status: 'running' };
  const result_url = `https://cdn.provider.example/results/2026/12/${taskId}/tryon-output-1k.png`;
  return { id: taskId, status: 'completed', result_url };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  return text;
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, headers).end(text);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') {
    polls += 1;
    send(response, 200, job(request.url?.split('/').at(-1) ?? ''));
    return;
  }
  const submission = Submission.parse(JSON.parse(await readBody(request)));
  submits += 1;
  const taskId = randomUUID();
  send(response, 200, { id: taskId, status: 'queued' });
  const whenDone = () => finish(taskId, submission.webhook_url);
  if (holding) heldBack.push(whenDone);
  else setTimeout(whenDone, WORK_MS);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    send(response, 400, { detail: String(error) });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  process.send?.({ url: `http://127.0.0.1:${port}` } satisfies z.infer<typeof StubReady>);
});

process.on('message', (message) => {
  const command = StubCommand.parse(message);
  holding = command === 'hold';
  if (command === 'release') {
    for (const whenDone of heldBack) whenDone();
    heldBack = [];
  }
  process.send?.({ submits, polls, refused, done } satisfies StubReport);
});
