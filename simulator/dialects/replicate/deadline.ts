import type { Provider } from '../../contract/provider.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { Notes } from './creation.ts';

// Facts: Replicate, "HTTP API" (`Cancel-After`) and the changelog "Set deadlines for predictions", read
// 2026-11-21.

/** Ends the prediction when it is not done by its deadline, however far it is. */
export function limitLife(task: TaskFacts, provider: Provider): void {
  const { deadlineSeconds } = Notes.parse(task.submission.notes);
  if (deadlineSeconds === undefined) return;
  provider
    .untilFinal(task, deadlineSeconds * 1000)
    .then(() => {
      const view: TaskView = provider.view(task);
      if (view.state !== 'live') return;
      provider.memory.set(keyOf(task), view.status === 'starting' ? 'aborted' : 'canceled');
      provider.giveUp(task);
    })
    // After a reset there is no such prediction any more.
    .catch(() => undefined);
}

/** The word for a prediction that its deadline ended: `aborted` when it had not begun. */
export function endedByDeadline(task: TaskFacts, provider: Provider): string | undefined {
  const word = provider.memory.get(keyOf(task));
  return word === undefined ? undefined : String(word);
}

const keyOf = (task: TaskFacts): string => `deadline ${task.id}`;
