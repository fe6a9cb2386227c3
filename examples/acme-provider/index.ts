/**
 * A provider of your own, whole: what docs/adding-a-provider.md builds step by step. "Acme" does
 * not exist.
 */
import {
  completedWith,
  failed,
  ImageUrl,
  LooseText,
  limitsFor,
  type Observation,
  type ProviderAdapter,
  type ProviderModule,
  type ProviderOptions,
  parseInput,
  parseWebhook,
  providerUrl,
  refusal,
  type SignedWebhook,
  statusWord,
  TaskId,
  verifyHexHmac,
} from 'catwalk/provider-kit';
import { z } from 'zod';

/** What apps may ask for, in Catwalk's words. */
const Input = z.strictObject({ personImage: ImageUrl, garmentImages: z.array(ImageUrl).length(1) });

/** What Acme says about a task, in its own. Its webhook has the same body. */
const Task = z.object({ id: TaskId, state: LooseText, picture: LooseText, why: LooseText });

const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 2 };

function createAcme(options: ProviderOptions): ProviderAdapter {
  const { http, apiKey, webhookSecrets, baseUrl = 'https://api.acme.example' } = options;
  const headers = { 'x-acme-key': apiKey };
  const signed = webhookSecrets.some((secret) => secret !== '');
  const webhook = signed ? acmeWebhook(webhookSecrets) : undefined;

  return {
    name: 'acme',
    models: {
      dress: { type: 'image-fast', about: 'Dresses a person in one garment.', input: Input },
    },
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    ...(webhook && { webhook }),

    async submit(request) {
      const input = parseInput(Input, request.input);
      const answer = await http.request({
        kind: 'submit',
        method: 'POST',
        url: providerUrl(baseUrl, '/tasks'),
        headers,
        json: {
          person: input.personImage,
          garment: input.garmentImages[0],
          notify: webhook && request.webhookUrl,
        },
      });
      if (!answer.ok) throw refusal(answer);
      return { task: { id: answer.read(Task).id } };
    },

    async check(task) {
      const url = providerUrl(baseUrl, `/tasks/${encodeURIComponent(task.id)}`);
      const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
      if (answer.status === 404) return { kind: 'missing' };
      if (!answer.ok) throw refusal(answer);
      return observe(answer.read(Task));
    },
  };
}

function acmeWebhook(secrets: readonly string[]): SignedWebhook {
  return {
    scope: 'request',
    trust: 'signature',
    verify: ({ headers, body }) =>
      verifyHexHmac({ secrets, body, signature: headers['x-acme-signature'] }),
    read: (body) => {
      const task = parseWebhook(Task, body);
      return { taskId: task.id, observation: observe(task) };
    },
  };
}

function observe(task: z.infer<typeof Task>): Observation {
  const status = statusWord(task.state);
  if (status === 'done') return { kind: 'final', outcome: completedWith([task.picture ?? '']) };
  if (status !== 'error') return { kind: 'live', status };
  const code = task.why === 'indecent' ? 'content_policy' : 'provider_failed';
  return { kind: 'final', outcome: failed(code, task.why ?? undefined) };
}

export default { name: 'acme', create: createAcme } satisfies ProviderModule;
