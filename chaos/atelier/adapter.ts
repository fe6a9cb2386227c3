import { z } from 'zod';
import {
  completedWith,
  failed,
  type HttpAnswer,
  ImageUrl,
  LooseText,
  limitsFor,
  type Observation,
  OutcomeUnknown,
  type ProviderAdapter,
  type ProviderModule,
  type ProviderOptions,
  type ProviderTask,
  parseInput,
  parseWebhook,
  providerUrl,
  refusal,
  statusWord,
  TaskId,
  verifyHexHmac,
} from '../../src/provider-kit.ts';

/**
 * Atelier does not exist. It is the run's provider of the class that no built-in one has: each
 * submission carries a reference of ours, which it takes once, and by which the task can be found.
 */

const Input = z.strictObject({ personImage: ImageUrl, garmentImages: z.array(ImageUrl).length(1) });
const Order = z.object({ id: TaskId, state: LooseText, picture: LooseText, why: LooseText });
const Found = z.object({ orders: z.array(Order) });

const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 2 };
/** "This reference was used before." */
const DUPLICATE = 409;

function createAtelier(options: ProviderOptions): ProviderAdapter {
  const { http, apiKey, webhookSecrets, baseUrl = 'https://api.atelier.example' } = options;
  const headers = { 'x-atelier-key': apiKey };
  const read = (path: string): Promise<HttpAnswer> =>
    http.request({
      kind: 'safe-to-retry',
      method: 'GET',
      url: providerUrl(baseUrl, path),
      headers,
    });

  /** A refused reference means that it was accepted: nothing may make a "not sent" of it. */
  async function ordered(reference: string): Promise<ProviderTask> {
    try {
      const answer = await read(`/orders?reference=${encodeURIComponent(reference)}`);
      if (!answer.ok) throw refusal(answer);
      const [order] = answer.read(Found).orders;
      if (order) return { id: order.id };
    } catch (cause) {
      throw new OutcomeUnknown('no_answer', 'The order cannot be looked up', { cause });
    }
    throw new OutcomeUnknown('no_answer', 'The order is not there yet');
  }

  return {
    name: 'atelier',
    models: { dress: { type: 'image-fast', about: 'Dresses a person.', input: Input } },
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'unique-reference' },
    inputs: 'url',
    webhook: {
      scope: 'request',
      trust: 'signature',
      verify: ({ headers, body }) =>
        verifyHexHmac({ secrets: webhookSecrets, body, signature: headers['x-atelier-signature'] }),
      read: (body) => {
        const order = parseWebhook(Order, body);
        return { taskId: order.id, observation: observe(order) };
      },
    },

    async submit(request) {
      const input = parseInput(Input, request.input);
      const answer = await http.request({
        kind: 'submit',
        method: 'POST',
        url: providerUrl(baseUrl, '/orders'),
        headers,
        json: {
          reference: request.idempotencyKey,
          person: input.personImage,
          garment: input.garmentImages[0],
          notify: request.webhookUrl,
        },
      });
      if (answer.status === DUPLICATE) return { task: await ordered(request.idempotencyKey) };
      if (!answer.ok) throw refusal(answer);
      return { task: { id: answer.read(Order).id } };
    },

    async check(task) {
      const answer = await read(`/orders/${encodeURIComponent(task.id)}`);
      if (answer.status === 404) return { kind: 'missing' };
      if (!answer.ok) throw refusal(answer);
      return observe(answer.read(Order));
    },
  };
}

function observe(order: z.infer<typeof Order>): Observation {
  const status = statusWord(order.state);
  if (status === 'done') return { kind: 'final', outcome: completedWith([order.picture ?? '']) };
  if (status !== 'error') return { kind: 'live', status };
  const code = order.why === 'indecent' ? 'content_policy' : 'provider_failed';
  return { kind: 'final', outcome: failed(code, order.why ?? undefined) };
}

export default { name: 'atelier', create: createAtelier } satisfies ProviderModule;
