import type { Provider } from '../../contract/provider.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { notesOf } from './submission.ts';

// Facts: the official SDK's `startTimeout` and "Request errors" (`request_timeout`), read 2026-11-21.

const keyOf = (task: TaskFacts): string => `start-timeout ${task.id}`;

/** Ends the request when it still waits in the queue after the time that it allows for that. */
export function limitStart(task: TaskFacts, provider: Provider): void {
  const { startTimeoutSeconds } = notesOf(task.submission);
  if (startTimeoutSeconds === undefined) return;
  provider
    .untilFinal(task, startTimeoutSeconds * 1000)
    .then(() => {
      const view = provider.view(task);
      if (view.state !== 'live' || view.status !== 'IN_QUEUE') return;
      provider.memory.set(keyOf(task), true);
      provider.giveUp(task);
    })
    // After a reset there is no such request any more.
    .catch(() => undefined);
}

/** Whether the request was ended because it did not start in time. */
export function hasTimedOut(task: TaskFacts, provider: Provider): boolean {
  return provider.memory.has(keyOf(task));
}
