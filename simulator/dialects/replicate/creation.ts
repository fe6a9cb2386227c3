import type { Request } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { HttpUrl, invalid } from '../inputs.ts';
import { secondsIn } from './duration.ts';
import { withStoredFiles } from './files.ts';
import { MODELS, type Model, modelNamed } from './models.ts';

// Facts: as in dialect.ts.

const LONGEST_WAIT_SECONDS = 60;

/** What a webhook can be asked to tell. */
export const EVENTS = ['start', 'output', 'logs', 'completed'] as const;

const Options = z.object({
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  webhook: HttpUrl.optional(),
  webhook_events_filter: z.array(z.enum(EVENTS)).optional(),
});

const Creation = Options.extend({ version: z.string() });

/** What a task keeps of its request. */
export const Notes = z.object({
  model: z.string(),
  version: z.string(),
  deployment: z.string().optional(),
  input: z.unknown(),
  filter: z.array(z.enum(EVENTS)).optional(),
  waitSeconds: z.number(),
  deadlineSeconds: z.number().optional(),
});

/** What runs the prediction when the body does not say: the model in the path, or a deployment's. */
export interface Runner {
  model: Model;
  deployment?: string;
}

// ASSUMPTION: a version that does not exist is a fault of the input.
const NO_SUCH_VERSION: Refusal = {
  reason: 'invalid',
  message:
    'The specified version does not exist. The simulator has ' +
    `${MODELS.map(({ name, version }) => `${name}:${version}`).join(', ')}.`,
};

// ASSUMPTION: that it is refused, and not passed over.
const ODD_DEADLINE: Refusal = {
  reason: 'invalid',
  message: 'Cancel-After must be a duration of 5 seconds or more, such as 1h30m45s.',
};

/** Reads the body of a prediction's creation. Without a runner, its `version` names the model. */
export function readCreation(
  request: Request,
  provider: Provider,
  runner?: Runner,
): Submission | Refusal {
  const body = (runner ? Options : Creation).safeParse(request.body ?? {});
  if (!body.success) return invalid(body.error);
  const named = Creation.safeParse(request.body).data?.version ?? '';
  const model = runner?.model ?? modelNamed(named);
  if (!model) return NO_SUCH_VERSION;
  const cancelAfter = request.get('cancel-after');
  const deadlineSeconds = cancelAfter === undefined ? undefined : secondsIn(cancelAfter.trim());
  if (cancelAfter !== undefined && deadlineSeconds === undefined) return ODD_DEADLINE;
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
      ...(deadlineSeconds !== undefined && { deadlineSeconds }),
    },
  };
}

/** `Prefer: wait` or `wait=n`; 0 when the caller does not want to wait. */
function waitSeconds(prefer: string | undefined): number {
  const [, seconds] = /^wait(?:=(\d+))?$/.exec(prefer?.trim() ?? '') ?? [undefined, '0'];
  return Math.min(Number(seconds ?? LONGEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS);
}

/** How long the creation of this task wants to be held open, in seconds. */
export function waitOf(task: TaskFacts): number {
  return Notes.parse(task.submission.notes).waitSeconds;
}
