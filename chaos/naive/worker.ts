import { createServer } from 'node:http';
import { type Job, Worker } from 'bullmq';
import type { SubmitRequest } from '../../src/providers/provider.ts';
import { writeHeard } from '../heard.ts';
import type { CompletionData, PollData, SubmitData } from './parts.ts';
import { completionOf, connection, connectNaive, prefix, queues, redis, taskKey } from './parts.ts';

/** The naive worker process: submits, polls and notifies. */

const POLL_AFTER_MS = 4_000;
const POLL_EVERY_MS = 1_000;

const { providers } = await connectNaive();

function adapterOf(provider: string) {
  const adapter = providers.get(provider);
  if (!adapter) throw new Error(`unknown provider ${provider}`);
  return adapter;
}

async function submit({ id = '', data }: Job<SubmitData>): Promise<void> {
  const { provider, model, input } = data;
  const adapter = adapterOf(provider);
  const webhookUrl = `${process.env['PUBLIC_URL']}/webhooks/${provider}/${id}`;
  let request: SubmitRequest = { model, input, idempotencyKey: id, webhookUrl };
  while (adapter.prepare) {
    const { prepared, done } = await adapter.prepare(request);
    request = { ...request, prepared };
    if (done) break;
  }
  // Whatever goes wrong here, the job's next attempt calls the provider again.
  const { task, outcome } = await adapter.submit(request);
  await redis.set(taskKey(provider, task.id), id);
  if (outcome) await queues.completion.add('completion', completionOf(id, outcome));
  else {
    const data = { id, provider, model, task };
    // With the id of the generation, so that a completion can take it back.
    await queues.poll.add('poll', data, { delay: POLL_AFTER_MS, jobId: id });
  }
}

async function poll({ data }: Job<PollData>): Promise<void> {
  const seen = await adapterOf(data.provider).check(data.task, { model: data.model });
  if (seen.kind === 'final') {
    await queues.completion.add('completion', completionOf(data.id, seen.outcome));
  } else {
    await queues.poll.add('poll', data, { delay: POLL_EVERY_MS });
  }
}

async function complete({ id = '', data }: Job<CompletionData>): Promise<void> {
  const { id: generationId, outcome, reason } = data;
  writeHeard(process.env['CHAOS_HEARD'] ?? '', { eventId: id, generationId, outcome, reason });
  await queues.poll.remove(generationId);
}

const shared = { connection, prefix, concurrency: 25 };
const workers = [
  new Worker<SubmitData>('submit', submit, shared),
  new Worker<PollData>('poll', poll, shared),
  new Worker<CompletionData>('completion', complete, shared),
];
for (const worker of workers) worker.on('error', () => {});

const health = createServer((_request, response) => {
  response.end('{}');
});
health.listen(Number(process.env['WORKER_HEALTH_PORT']), '127.0.0.1');
