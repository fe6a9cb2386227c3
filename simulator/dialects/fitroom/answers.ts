import { randomBytes } from 'node:crypto';
import type { Provider } from '../../contract/provider.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';

// Facts: as in dialect.ts.

/** ASSUMPTION: signed links live for an hour. */
const LINK_LIFETIME_MS = 60 * 60 * 1000;

/** A fresh link at every poll. ASSUMPTION: its parameters' names. */
function signedUrl(resultUrl: string): string {
  const expires = Math.floor((Date.now() + LINK_LIFETIME_MS) / 1000);
  return `${resultUrl}?Expires=${expires}&Signature=${randomBytes(16).toString('hex')}`;
}

function timestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function statusOf(view: TaskView): string {
  if (view.state === 'live') return view.status;
  return { completed: 'COMPLETED', failed: 'FAILED', canceled: 'CANCELLED' }[view.state];
}

/** A task, as a poll shows it. */
export function taskBody(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Record<string, unknown> {
  const status = statusOf(view);
  return {
    task_id: task.id,
    status,
    // Percent. ASSUMPTION: half way while it is being made.
    progress: { CREATED: 0, PROCESSING: 50, COMPLETED: 100 }[status] ?? 0,
    ...(view.state === 'completed' && {
      download_signed_url: signedUrl(view.resultUrls[0] ?? ''),
    }),
    // The clients disagree on the field, so a switch says which of them is right today.
    ...(view.state === 'failed' && { [provider.chosen('error-field')]: view.message }),
    created_at: timestamp(task.acceptedAtMs),
    started_at: status === 'CREATED' ? null : timestamp(task.acceptedAtMs),
    completed_at: timestamp(task.finishedAtMs),
  };
}
