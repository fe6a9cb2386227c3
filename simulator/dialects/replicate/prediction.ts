import type { Provider } from '../../contract/provider.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { EVENTS, Notes } from './creation.ts';
import { endedByDeadline } from './deadline.ts';
import { errorText, logsOf, outputOf } from './output.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it, "Create a prediction",
// "Prediction lifecycle", read 2026-11-21. What no document says is an ASSUMPTION.

/** "HTTP API": an hour after its creation a prediction keeps its status, and nothing else. */
const KEEPS_DATA_FOR_MS = 60 * 60 * 1000;

/** The prediction as create, get, list, cancel and the webhook tell it. */
export async function prediction(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<Record<string, unknown>> {
  const { model, version, deployment, input, filter, deadlineSeconds } = Notes.parse(
    task.submission.notes,
  );
  const { webhookUrl } = task.submission;
  const finishedAtMs = view.state === 'live' ? undefined : (task.finishedAtMs ?? Date.now());
  const isRemoved =
    finishedAtMs !== undefined && Date.now() - task.acceptedAtMs > KEEPS_DATA_FOR_MS;
  const isStarted = view.state !== 'live' || view.status !== 'starting';
  const ending = endedByDeadline(task, provider);
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
    status: ending ?? statusOf(view),
    created_at: iso(task.acceptedAtMs),
    started_at: isStarted ? iso(task.acceptedAtMs) : null,
    completed_at: finishedAtMs === undefined ? null : iso(finishedAtMs),
    metrics: finishedAtMs === undefined ? {} : { predict_time: seconds, total_time: seconds },
    ...(deadlineSeconds !== undefined && {
      // What it ended has reached it, also where simulated time runs faster.
      deadline: iso((ending && finishedAtMs) || task.acceptedAtMs + deadlineSeconds * 1000),
    }),
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
function statusOf(view: TaskView): string {
  if (view.state === 'live') return view.status;
  return { completed: 'succeeded', failed: 'failed', canceled: 'canceled' }[view.state];
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
  const { filter = EVENTS } = Notes.parse(task.submission.notes);
  const isWanted = eventsOf(view).some((event) => filter.includes(event));
  return isWanted ? prediction(task, view, provider) : undefined;
}

/** ASSUMPTION: output comes all at once, so its event and that of the end are one message. */
function eventsOf(view: TaskView): (typeof EVENTS)[number][] {
  if (view.state === 'live') return statusOf(view) === 'starting' ? ['start'] : ['logs'];
  return view.state === 'completed' ? ['output', 'completed'] : ['completed'];
}
