import type { Request, RequestHandler } from 'express';
import type { Provider } from '../contract/provider.ts';
import type { Refusal } from '../contract/refusal.ts';
import type { Reply } from '../contract/reply.ts';
import type { Submission } from '../contract/submission.ts';
import type { TaskFacts } from '../contract/task.ts';
import { acceptTask } from '../engine/accept-task.ts';
import type { RememberedSubmit } from '../engine/idempotency.ts';
import type { ProviderState } from '../engine/provider-state.ts';
import { runTask } from '../engine/run-task.ts';
import type { Task } from '../engine/task.ts';
import { fingerprintOf } from '../pictures/image-identity.ts';
import type { ChosenScenario } from '../scenarios/active-scenarios.ts';
import { requestedScenario } from '../scenarios/requested-scenario.ts';
import { isScenarioName, type Scenario, unknownScenarioMessage } from '../scenarios/scenarios.ts';
import { refuse, send, setRateHeaders } from './replies.ts';
import { refusalFor, refuseExpiredToken, refuseKnownKey } from './submit-refusal.ts';

/** What a dialect says about one of its ways to ask for work. */
interface SubmitWords {
  read(request: Request): Submission | Refusal | Promise<Submission | Refusal>;
  reply(task: TaskFacts): Reply | Promise<Reply>;
}

/**
 * The one way in for work. In order: validate, replay a known idempotency key, let the scenario or
 * the limits refuse, and only then take the credits, because what is refused must cost nothing.
 */
export function createSubmitRoute(
  state: ProviderState,
  provider: Provider,
  words: SubmitWords,
): RequestHandler {
  return async (request, response) => {
    const wanted = await words.read(request);
    if ('reason' in wanted) return refuse(state, response, wanted);
    const submission = state.context.imagePool.poolSubmission(wanted);
    const { idempotencyKey } = submission;
    const fingerprint = fingerprintOf(submission);
    const about = { idempotencyKey, fingerprint };
    const bodyFingerprint = `${fingerprint} ${submission.webhookUrl ?? ''}`;

    const known = findReplay(state, request, submission);
    if (known) {
      const conflict = refuseKnownKey(state, provider, known, bodyFingerprint);
      if (conflict) return refuse(state, response, conflict, about);
      return send(response, await replay(state, known, idempotencyKey));
    }
    const chosen = chooseScenario(state, request, submission, fingerprint);
    if ('reason' in chosen) return refuse(state, response, chosen, about);
    const refusal =
      refuseExpiredToken(state, request, chosen) ?? refusalFor(state, submission, chosen);
    if (refusal) return refuse(state, response, refusal, about);

    const task = acceptTask(state, { submission, chosen, fingerprint });
    setRateHeaders(state, response);
    const reply = start(state, provider, task, words);
    remember(state, request, task, { bodyFingerprint, reply });
    if (chosen.submitNumber === 1 && isLost(chosen.scenario)) {
      // Nobody is left to hear it if the answer cannot be made, as after a reset.
      reply.catch(() => undefined);
      if (chosen.scenario.loseFirstReply) response.socket?.destroy();
      else response.status(504).json({ error: 'upstream request timeout' });
      return;
    }
    send(response, await reply);
  };
}

/** The reply that the caller should have had does not reach it. */
function isLost({ loseFirstReply, gatewayTakesFirstReply }: Scenario): boolean {
  return Boolean(loseFirstReply || gatewayTakesFirstReply);
}

/** Begins the work, and answers when the scenario allows it. */
function start(
  state: ProviderState,
  provider: Provider,
  task: Task,
  words: SubmitWords,
): Promise<Reply> {
  const stopSignal = state.context.stopSignal();
  const running = runTask({ state, task, provider, stopSignal });
  running.catch((error: unknown) => {
    state.context.log(`${state.dialect.name} ${task.id} defect: ${String(error)}`);
  });
  return task.scenario.finishBeforeReply
    ? running.then(() => words.reply(task))
    : Promise.resolve(words.reply(task));
}

/** Keys of different accounts are different keys. */
function replayKey(state: ProviderState, request: Request, idempotencyKey: string): string {
  return `${state.dialect.readKey(request) ?? ''} ${idempotencyKey}`;
}

function findReplay(state: ProviderState, request: Request, { idempotencyKey }: Submission) {
  if (idempotencyKey === undefined) return undefined;
  return state.idempotency.find(replayKey(state, request, idempotencyKey), Date.now());
}

function remember(
  state: ProviderState,
  request: Request,
  task: Task,
  answered: Omit<RememberedSubmit, 'taskId'>,
): void {
  const { idempotencyKey } = task.submission;
  if (idempotencyKey === undefined) return;
  const key = replayKey(state, request, idempotencyKey);
  state.idempotency.remember(key, { taskId: task.id, ...answered }, Date.now());
}

function replay(
  state: ProviderState,
  { taskId, reply }: RememberedSubmit,
  idempotencyKey = '',
): Promise<Reply> {
  state.ledger.replayed({ atMs: Date.now(), taskId, idempotencyKey });
  return reply;
}

/** The scenario that the request asks for, or the one that is set; refuses one that does not exist. */
function chooseScenario(
  state: ProviderState,
  request: Request,
  submission: Submission,
  fingerprint: string,
): ChosenScenario | Refusal {
  const requested = requestedScenario(request, submission);
  if (requested !== undefined && !isScenarioName(requested)) {
    return { reason: 'invalid', message: unknownScenarioMessage(requested) };
  }
  return state.context.scenarios.choose({
    provider: state.dialect.name,
    kind: 'submit',
    key: submission.idempotencyKey ?? fingerprint,
    ...(requested && { requested }),
  });
}
