import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { isAuthentic } from '../../src/providers/provider.ts';
import type { SubmitData } from './parts.ts';
import { completionOf, connectNaive, queues, redis, taskKey } from './parts.ts';

/** The naive web process: queues what apps ask for and what webhooks say. */

const { providers } = await connectNaive();

async function answer(request: IncomingMessage, body: Buffer): Promise<[number, object]> {
  const [, first, name = '', generationId] = request.url?.split('/') ?? [];
  if (first === 'readyz') return [200, {}];
  if (first === 'v1') {
    const id = randomUUID();
    // The app's own JSON; the adapter checks it when it is sent.
    const data = JSON.parse(body.toString()) as SubmitData;
    await queues.submit.add('submit', data, { jobId: id });
    return [202, { id }];
  }
  const webhook = providers.get(name)?.webhook;
  if (first !== 'webhooks' || !webhook) return [404, {}];
  if (!(await isAuthentic(webhook, { headers: request.headers, body }))) return [401, {}];
  const { taskId, observation } = webhook.read(body);
  const id = generationId ?? (await redis.get(taskKey(name, taskId)));
  if (id && observation.kind === 'final') {
    await queues.completion.add('completion', completionOf(id, observation.outcome));
  }
  return [200, {}];
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  // A request's chunks are Buffers as long as no encoding is set.
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const [status, body] = await answer(request, Buffer.concat(chunks)).catch(
    (): [number, object] => [503, {}],
  );
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
server.listen(Number(process.env['PORT']), '127.0.0.1');
