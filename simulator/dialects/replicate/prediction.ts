import type { Request } from 'express';
import { z } from 'zod';
import type { Provider, Refusal, Submission, TaskFacts, TaskView } from '../../contract/dialect.ts';
import { withStoredFiles } from './files.ts';
import { type Model, modelNamed, models } from './models.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it, "Create a prediction",
// "Prediction lifecycle", read 2026-11-21. What no document says is an ASSUMPTION.

/** "HTTP API": an hour after its creation a prediction keeps its status, and nothing else. */
const keepsDataForMs = 60 * 60 * 1000;

const longestWaitSeconds = 60;

const events = ['start', 'output', 'logs', 'completed'] as const;

const options = z.object({
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  webhook_events_filter: z.array(z.enum(events)).optional(),
});
const createSchema = options.extend({ version: z.string() });

const notesSchema = z.object({
  model: z.string(),
  version: z.string(),
  deployment: z.string().optional(),
  input: z.unknown(),
  filter: z.array(z.enum(events)).optional(),
  waitSeconds: z.number(),
});

/** What runs the prediction when the body does not say: the model in the path, or a deployment's. */
export interface Runner {
  model: Model;
  deployment?: string;
}

// ASSUMPTION: a version that does not exist is a fault of the input.
const noSuchVersion: Refusal = {
  reason: 'invalid',
  message:
    'The specified version does not exist. The simulator has ' +
    `${models.map(({ name, version }) => `${name}:${version}`).join(' and ')}.`,
};

/** Reads the body of a prediction's creation. Without a runner, its `version` names the model. */
export function readCreation(
  request: Request,
  provider: Provider,
  runner?: Runner,
): Submission | Refusal {
  const body = (runner ? options : createSchema).safeParse(request.body ?? {});
  if (!body.success) return { reason: 'invalid', message: z.prettifyError(body.error) };
  const named = createSchema.safeParse(request.body).data?.version ?? '';
  const model = runner?.model ?? modelNamed(named);
  if (!model) return noSuchVersion;
  const input: unknown = request.body?.input;
  const work = model.read(input);
  if ('reason' in work) return work;
  const { webhook, webhook_events_filter: filter } = body.data;
  return {
    ...withStoredFiles(work, provider),
    resultCount: 1,
    // ASSUMPTION: Replicate bills by time or by picture, in money; here one unit each.
    creditCost: 1,
    ...(webhook !== undefined && { webhookUrl: webhook }),
    notes: {
      model: model.name,
      version: model.isOfficial ? 'hidden' : model.version,
      ...(runner?.deployment !== undefined && { deployment: runner.deployment }),
      input,
      filter,
      waitSeconds: waitSeconds(request.get('prefer')),
    },
  };
}

/** `Prefer: wait` or `wait=n`; 0 when the caller does not want to wait. */
function waitSeconds(prefer: string | undefined): number {
  const [, seconds] = /^wait(?:=(\d+))?$/.exec(prefer?.trim() ?? '') ?? [undefined, '0'];
  return Math.min(Number(seconds ?? longestWaitSeconds), longestWaitSeconds);
}

/** How long the creation of this task wants to be held open, in seconds. */
export function waitOf(task: TaskFacts): number {
  return notesSchema.parse(task.submission.notes).waitSeconds;
}

/** The prediction as create, get, list, cancel and the webhook tell it. */
export async function prediction(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<Record<string, unknown>> {
  const { model, version, deployment, input, filter } = notesSchema.parse(task.submission.notes);
  const { webhookUrl } = task.submission;
  const finishedAtMs = view.state === 'live' ? undefined : (task.finishedAtMs ?? Date.now());
  const isRemoved = finishedAtMs !== undefined && Date.now() - task.acceptedAtMs > keepsDataForMs;
  const isStarted = view.state !== 'live' || view.status !== 'starting';
  const seconds = ((finishedAtMs ?? task.acceptedAtMs) - task.acceptedAtMs) / 1000;
  return {
    id: task.id,
    model,
    version,
    ...(deployment !== undefined && { deployment }),
    input: isRemoved ? {} : input,
    logs: isRemoved ? '' : logsOf(view),
    output: isRemoved ? null : await outputOf(task, view, provider),
    data_removed: isRemoved,
    error: view.state === 'failed' ? errorText(view) : null,
    source: 'api',
    status: statusOf(view),
    created_at: iso(task.acceptedAtMs),
    started_at: isStarted ? iso(task.acceptedAtMs) : null,
    completed_at: finishedAtMs === undefined ? null : iso(finishedAtMs),
    metrics: finishedAtMs === undefined ? {} : { predict_time: seconds, total_time: seconds },
    // The official SDK types both; ASSUMPTION: they are left out where they were not given.
    ...(webhookUrl !== undefined && { webhook: webhookUrl }),
    ...(filter !== undefined && { webhook_events_filter: filter }),
    urls: addresses(task, provider),
  };
}

function addresses(task: TaskFacts, provider: Provider): Record<string, string> {
  const own = provider.url(`/v1/predictions/${task.id}`);
  const stream = `/v1/files/${task.id}`;
  return {
    get: own,
    cancel: `${own}/cancel`,
    web: provider.url(`/p/${task.id}`),
    stream:
      provider.chosen('files') === 'https'
        ? `https://stream.replicate.com${stream}`
        : provider.url(`/stream${stream}`),
  };
}

/** The word for the moment. */
export function statusOf(view: TaskView): string {
  if (view.state === 'live') return view.status;
  return { completed: 'succeeded', failed: 'failed', canceled: 'canceled' }[view.state];
}

/** ASSUMPTION: the model shows its progress with tqdm, whose lines the official SDK can read. */
function logsOf(view: TaskView): string {
  const half = ' 50%|█████     | 2/4 [00:02<00:02,  1.00it/s]\n';
  if (view.state === 'live') return view.status === 'starting' ? '' : half;
  return view.state === 'completed'
    ? `${half}100%|██████████| 4/4 [00:04<00:00,  1.00it/s]\n`
    : half;
}

/** The shape of the output is the model's affair, so a switch says which it is today. */
async function outputOf(task: TaskFacts, view: TaskView, provider: Provider): Promise<unknown> {
  if (view.state !== 'completed') return null;
  const files = await filesOf(task, view.resultUrls, provider);
  switch (provider.chosen('output')) {
    case 'list':
      return files;
    case 'object':
      return { image: files[0] ?? null };
    default:
      return files[0] ?? null;
  }
}

/**
 * The result files as the switch wants them named. Replicate's own links are https, and only those
 * and data URIs does its SDK turn into files; here they are http unless told, so that anything can
 * fetch them. `https`: as in production, for a caller that maps the hosts to the simulator.
 */
export async function filesOf(
  task: TaskFacts,
  links: readonly string[],
  provider: Provider,
): Promise<string[]> {
  switch (provider.chosen('files')) {
    case 'https':
      return links.map((link) => `https://replicate.delivery${new URL(link).pathname}`);
    case 'data': {
      const type = `image/${task.submission.outputFormat ?? 'png'}`;
      const pictures = await provider.pictures(task);
      return pictures.map((bytes) => `data:${type};base64,${bytes.toString('base64')}`);
    }
    default:
      return [...links];
  }
}

/** ASSUMPTION: failures are free text; only that they are is documented. */
export function errorText({ kind, message }: Extract<TaskView, { state: 'failed' }>): string {
  return kind === 'moderation' ? `NSFW content detected. ${message}` : message;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** The message for one moment, unless the caller did not ask for that kind of event. */
export async function webhookBody(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<unknown> {
  const { filter = events } = notesSchema.parse(task.submission.notes);
  const isWanted = eventsOf(view).some((event) => filter.includes(event));
  return isWanted ? prediction(task, view, provider) : undefined;
}

/** ASSUMPTION: output comes all at once, so its event and that of the end are one message. */
function eventsOf(view: TaskView): (typeof events)[number][] {
  if (view.state === 'live') return statusOf(view) === 'starting' ? ['start'] : ['logs'];
  return view.state === 'completed' ? ['output', 'completed'] : ['completed'];
}
