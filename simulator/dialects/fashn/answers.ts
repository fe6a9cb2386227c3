import type { ImageProblem } from '../../contract/picture.ts';
import type { Provider } from '../../contract/provider.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts, TaskView, Verdict } from '../../contract/task.ts';
import { Notes } from './submission.ts';

// Facts: as in dialect.ts.

/** Names that FASHN's client knows beside those that have a cause here; the switch `failure`. */
export const FAILURE_NAMES = [
  'PipelineError',
  'PoseError',
  'LoRALoadError',
  'ThirdPartyError',
  '3rdPartyProviderError',
  'InternalServerError',
] as const;

/** What the pipeline finds out for itself. */
export function judge(task: TaskFacts, problems: readonly (ImageProblem | undefined)[]): Verdict {
  const problem = problems.find((found) => found !== undefined);
  if (problem) return { state: 'failed', kind: 'image-load', message: problem.message };
  const { fault } = Notes.parse(task.submission.notes);
  if (fault === undefined) return { state: 'completed' };
  return { state: 'failed', kind: 'generation', message: fault, data: 'InputValidationError' };
}

function nameOf(view: Extract<TaskView, { state: 'failed' }>, provider: Provider): string {
  if (typeof view.data === 'string') return view.data;
  if (view.kind === 'image-load') return 'ImageLoadError';
  return view.kind === 'moderation' ? 'ContentModerationError' : provider.chosen('failure');
}

/** A prediction, as a poll and the webhook show it. */
export async function statusBody(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<unknown> {
  switch (view.state) {
    case 'live':
      return { id: task.id, status: view.status, error: null };
    case 'completed': {
      const output = await outputOf(task, view.resultUrls, provider);
      return { id: task.id, status: 'completed', output, error: null };
    }
    case 'failed': {
      const name = nameOf(view, provider);
      if (name === 'canceled') return statusBody(task, { state: 'canceled' }, provider);
      // A failed prediction has no `output` at all.
      return { id: task.id, status: 'failed', error: { name, message: view.message } };
    }
    case 'canceled':
      // A status that the client's types know, although no call cancels a task.
      return { id: task.id, status: 'canceled', error: null };
  }
}

async function outputOf(
  task: TaskFacts,
  resultUrls: string[],
  provider: Provider,
): Promise<string[]> {
  const { outputFormat = 'png', notes } = task.submission;
  if (!Notes.parse(notes).returnsBase64) return resultUrls;
  const pictures = await provider.pictures(task);
  return pictures.map(
    (picture) => `data:image/${outputFormat};base64,${picture.toString('base64')}`,
  );
}

/** The prediction, and what it cost once it has ended. */
export async function replyToPoll(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<Reply> {
  // Failures are not charged.
  const creditsUsed = view.state === 'completed' ? task.submission.creditCost : 0;
  return {
    status: 200,
    headers: view.state === 'live' ? {} : { 'x-fashn-credits-used': String(creditsUsed) },
    body: await statusBody(task, view, provider),
  };
}
