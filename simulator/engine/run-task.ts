import type { ImageProblem } from '../contract/picture.ts';
import type { Verdict } from '../contract/task.ts';
import type { ProviderState } from './provider-state.ts';
import type { Task } from './task.ts';
import {
  announceLiveStatuses,
  FAILURE_MESSAGES,
  sendFinalWebhook,
  sendForgedWebhook,
  type TaskRun,
} from './task-webhooks.ts';

type Problems = readonly (ImageProblem | undefined)[];

/**
 * Takes one task to its end: waits its latency, decides the verdict, writes the ledger and sends the
 * webhook. Resolves when every copy of the final webhook has been tried once.
 */
export async function runTask(run: TaskRun): Promise<void> {
  const { state, task, stopSignal } = run;
  const { clock, results } = state.context;
  // Begun at once, as a provider would: a dead image URL fails the task soon, not when it is drawn.
  const { personImage, garmentImages, inspectedImages, stockResult } = task.submission;
  const drawn = personImage === undefined ? garmentImages : [personImage, ...garmentImages];
  const inspections = Promise.all([
    results.inspect(stockResult ? [] : drawn),
    results.inspect(inspectedImages ?? []),
  ]);
  announceLiveStatuses(run);
  if (task.scenario.neverFinishes) return;

  const forged = task.scenario.webhook?.forgedFirst ? sendForgedWebhook(run) : Promise.resolve();
  const [[drawnProblems, problems]] = await Promise.all([inspections, clock.pause(task.latencyMs)]);
  // A canceled task is already finished, and its webhook sent.
  if (stopSignal.aborted || task.verdict) return;
  finish(state, task, decide(state, task, drawnProblems, problems));

  await forged;
  await sendFinalWebhook(run);
}

/** Ends the task as canceled and sends its webhook; false when it had already ended. */
export function cancelTask(run: TaskRun): boolean {
  if (run.task.verdict) return false;
  finish(run.state, run.task, { state: 'canceled' });
  void sendFinalWebhook(run);
  return true;
}

const SPOILED_IMAGE: ImageProblem = {
  kind: 'unreadable',
  message: 'The file is not a readable image.',
};

function decide(
  state: ProviderState,
  task: Task,
  drawnProblems: Problems,
  inspected: Problems,
): Verdict {
  const kind = task.scenario.failure;
  if (kind === 'moderation' || kind === 'generation') {
    return { state: 'failed', kind, message: FAILURE_MESSAGES[kind] };
  }
  const problem = drawnProblems.find((found) => found !== undefined);
  if (problem) return { state: 'failed', kind: 'image-load', message: problem.message };
  const isSpoiled = task.scenario.spoilsFirstImage && inspected.length > 1;
  const problems = isSpoiled ? [SPOILED_IMAGE, ...inspected.slice(1)] : inspected;
  return state.dialect.judge?.(task, problems) ?? { state: 'completed' };
}

function finish(state: ProviderState, task: Task, verdict: Verdict): void {
  const nowMs = Date.now();
  task.verdict = verdict;
  task.finishedAtMs = nowMs;
  state.liveTasks -= 1;
  const isRefunded = verdict.state !== 'completed' && state.dialect.refundsFailures;
  const creditsRefunded = isRefunded ? task.submission.creditCost : 0;
  state.creditsLeft += creditsRefunded;
  const usual = state.dialect.finalStatuses[verdict.state] ?? verdict.state;
  const status = verdict.state === 'completed' ? (verdict.status ?? usual) : usual;
  state.ledger.finished(task.id, { status, atMs: nowMs, creditsRefunded });
  const durationMs = nowMs - task.acceptedAtMs;
  state.context.log(`${state.dialect.name} ${task.id} ${status} durationMs=${durationMs}`);
  if (!task.scenario.resultsAreGone) letLinksDie(state, task, nowMs);
  task.markFinal();
}

function letLinksDie({ context }: ProviderState, task: Task, nowMs: number): void {
  if (context.resultLifetimeMs === Number.POSITIVE_INFINITY) return;
  for (const url of task.resultUrls) {
    const [, resultId] = /\/results\/([\w-]+)/.exec(url) ?? [];
    if (resultId) context.results.expire(resultId, nowMs + context.resultLifetimeMs);
  }
}
