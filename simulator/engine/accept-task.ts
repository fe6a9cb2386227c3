import { randomUUID } from 'node:crypto';
import type { Submission } from '../contract/submission.ts';
import type { ChosenScenario } from '../scenarios/active-scenarios.ts';
import { directive } from '../scenarios/requested-scenario.ts';
import { keepTask, nextSequence, type ProviderState } from './provider-state.ts';
import { createTask, type Task } from './task.ts';

/** A submission that nothing stands against any more. */
interface Accepted {
  submission: Submission;
  chosen: ChosenScenario;
  fingerprint: string;
}

/** Makes a task of a submission, takes its price and writes the ledger. */
export function acceptTask(state: ProviderState, accepted: Accepted): Task {
  const { submission, chosen } = accepted;
  const { scenario } = chosen;
  const task = createTask({
    id: state.dialect.newTaskId(nextSequence(state)),
    submission,
    scenarioName: chosen.name,
    scenario,
    acceptedAtMs: Date.now(),
    latencyMs: scenario.finishBeforeReply
      ? 0
      : (scenario.latencyMs ?? state.context.nextLatencyMs() * (scenario.latencyFactor ?? 1)),
    resultUrls: makeResultUrls(state, submission, chosen),
  });
  state.creditsLeft -= submission.creditCost;
  state.liveTasks += 1;
  keepTask(state, task);
  recordAccepted(state, task, accepted);
  return task;
}

function recordAccepted(state: ProviderState, task: Task, accepted: Accepted): void {
  const { submission, chosen, fingerprint } = accepted;
  state.ledger.accepted({
    taskId: task.id,
    scenario: chosen.name,
    idempotencyKey: submission.idempotencyKey ?? null,
    webhookUrl: submission.webhookUrl ?? state.webhookUrl ?? null,
    inputFingerprint: fingerprint,
    marker: directive(submission, 'marker') ?? null,
    isPaid: submission.creditCost > 0,
    creditsCharged: submission.creditCost,
    creditsRefunded: 0,
    acceptedAtMs: task.acceptedAtMs,
    doneAtMs: null,
    finalStatus: null,
    polls: 0,
    replays: 0,
    cancelRequests: 0,
    webhookAttempts: [],
  });
}

function makeResultUrls(
  state: ProviderState,
  submission: Submission,
  chosen: ChosenScenario,
): string[] {
  const { results, baseUrl } = state.context;
  if (submission.stockResult) {
    return Array.from({ length: submission.resultCount }, () => `${baseUrl()}/assets/person.png`);
  }
  if (submission.personImage === undefined) return [];
  return Array.from({ length: submission.resultCount }, () => {
    const resultId = randomUUID();
    results.add(resultId, submission);
    if (chosen.scenario.resultsAreGone) results.expire(resultId);
    return `${baseUrl()}/results/${resultId}.${submission.outputFormat ?? 'png'}`;
  });
}
