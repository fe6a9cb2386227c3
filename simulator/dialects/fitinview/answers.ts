import type { Provider } from '../../contract/provider.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { Notes } from './submission.ts';

// Facts: as in dialect.ts.

/** Longest a waiting submit blocks. */
const MAX_WAIT_MS = 90_000;

/** The documents disagree on the id's name, so a switch says which of them is right today. */
function idFields(task: TaskFacts, provider: Provider): Record<string, string> {
  const field = provider.chosen('id-field');
  return {
    ...(field !== 'job_id' && { id: task.id }),
    ...(field !== 'id' && { job_id: task.id }),
  };
}

/** ASSUMPTION: the error's shape and codes are not documented. */
const FAILURE_CODES = {
  'image-load': 'image_load_failed',
  moderation: 'content_moderation',
  generation: 'generation_failed',
};

/** A job, as a submit, a poll and the webhook show it. */
export function jobBody(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Record<string, unknown> {
  const { metadata, seed } = Notes.parse(task.submission.notes);
  const echo = { ...(metadata && { metadata }), ...(seed !== undefined && { seed }) };
  const ids = idFields(task, provider);
  switch (view.state) {
    case 'live':
      return { ...ids, status: view.status, ...echo };
    case 'completed':
      return { ...ids, status: 'completed', result_url: view.resultUrls[0], ...echo };
    case 'failed': {
      const error = { code: FAILURE_CODES[view.kind], message: view.message };
      return { ...ids, status: 'failed', error, ...echo };
    }
    case 'canceled':
      // Nothing here cancels a task; named to keep the switch whole.
      return { ...ids, status: 'canceled', ...echo };
  }
}

/** The job at once, or after waiting for its end. */
export async function replyToSubmit(task: TaskFacts, provider: Provider): Promise<Reply> {
  const { waits } = Notes.parse(task.submission.notes);
  if (!waits) {
    return { status: 200, body: { ...idFields(task, provider), status: 'queued' } };
  }
  await provider.untilFinal(task, MAX_WAIT_MS);
  const view = provider.view(task);
  if (view.state !== 'live') return { status: 200, body: jobBody(task, view, provider) };
  const message = 'Still running. Poll the job or wait for the webhook.';
  return { status: 200, body: { ...idFields(task, provider), status: 'running', message } };
}
