import { createHash, randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { Provider, Refusal, Reply, Submission, TaskFacts } from './dialect.ts';
import { keepTask, type ProviderState } from './provider-state.ts';
import { send, sendRefusal, setRateHeaders } from './replies.ts';
import type { ChosenScenario } from './scenario-board.ts';
import { isScenarioName, type ScenarioName, unknownScenarioMessage } from './scenarios.ts';
import { createTask, type Task } from './task.ts';
import { runTask } from './task-runner.ts';

/**
 * The one way in for work. In order: validate, replay a known idempotency key, let the scenario or
 * the limits refuse, and only then take the credits, because what is refused must cost nothing.
 */
export function createSubmitRoute(
  state: ProviderState,
  provider: Provider,
  read: (request: Request) => Submission | Refusal,
  reply: (task: TaskFacts) => Reply | Promise<Reply>,
): RequestHandler {
  return async (request, response) => {
    const submission = read(request);
    if ('reason' in submission) return refuse(state, response, submission);
    const fingerprint = fingerprintOf(submission);
    const known = findReplay(state, request, submission);
    if (known) {
      const conflict = refuseChangedBody(provider, known.bodyFingerprint, fingerprint);
      if (conflict) return refuse(state, response, conflict, submission);
      const idempotencyKey = submission.idempotencyKey ?? '';
      state.book.replayed({ atMs: Date.now(), taskId: known.taskId, idempotencyKey });
      return send(response, await known.reply);
    }

    const requested = requestedScenario(request, submission);
    if (requested !== undefined && !isScenarioName(requested)) {
      const message = unknownScenarioMessage(requested);
      return refuse(state, response, { reason: 'invalid', message }, submission);
    }
    const chosen = chooseScenario(state, submission, fingerprint, requested);
    const refusal = refusalFor(state, submission, chosen);
    if (refusal) return refuse(state, response, refusal, submission);

    const task = accept(state, submission, chosen, fingerprint);
    setRateHeaders(state, response);
    const running = runTask(state, task, provider);
    running.catch((error: unknown) => {
      state.world.log(`${state.dialect.name} ${task.id} defect: ${String(error)}`);
    });
    const replying = chosen.scenario.finishBeforeReply
      ? running.then(() => reply(task))
      : Promise.resolve(reply(task));
    const key = submission.idempotencyKey;
    if (key !== undefined) {
      const remembered = { taskId: task.id, bodyFingerprint: fingerprint, reply: replying };
      state.idempotency.remember(cacheKey(state, request, key), remembered, Date.now());
    }
    if (chosen.scenario.loseFirstReply && chosen.submitNumber === 1) {
      // Nobody is left to hear it if the answer cannot be made, as after a reset.
      replying.catch(() => undefined);
      response.socket?.destroy();
      return;
    }
    send(response, await replying);
  };
}

function refuse(
  state: ProviderState,
  response: Response,
  refusal: Refusal,
  submission?: Submission,
): void {
  const httpStatus = sendRefusal(state.dialect, response, refusal);
  state.book.refused({
    atMs: Date.now(),
    reason: refusal.reason,
    httpStatus,
    idempotencyKey: submission?.idempotencyKey ?? null,
    inputFingerprint: submission ? fingerprintOf(submission) : null,
  });
}

/** Keys of different accounts are different keys. */
function cacheKey(state: ProviderState, request: Request, idempotencyKey: string): string {
  return `${state.dialect.readKey(request) ?? ''} ${idempotencyKey}`;
}

function findReplay(state: ProviderState, request: Request, submission: Submission) {
  const key = submission.idempotencyKey;
  if (key === undefined) return undefined;
  return state.idempotency.find(cacheKey(state, request, key), Date.now());
}

/** Undocumented everywhere, so a dialect may have a switch for it; the cached answer wins unless told. */
function refuseChangedBody(provider: Provider, before: string, now: string): Refusal | undefined {
  if (provider.chosen('changed-body') !== 'refuse' || before === now) return undefined;
  return {
    reason: 'key-reused',
    message: 'This Idempotency-Key was used with another request body.',
  };
}

/** What was asked for, as one short string; the same inputs always give the same one. */
function fingerprintOf(submission: Submission): string {
  const { personImage, garmentImages, outputSize, resultCount } = submission;
  return createHash('sha256')
    .update(JSON.stringify([personImage, garmentImages, outputSize, resultCount]))
    .digest('hex')
    .slice(0, 32);
}

/** The `x-simulate` header, or `simulate` in the query of the first image URL that has one. */
function requestedScenario(request: Request, submission: Submission): string | undefined {
  const named = request.get('x-simulate');
  if (named !== undefined) return named;
  for (const image of [submission.personImage, ...submission.garmentImages]) {
    if (!image.startsWith('http') || !URL.canParse(image)) continue;
    const value = new URL(image).searchParams.get('simulate');
    if (value !== null) return value;
  }
  return undefined;
}

function chooseScenario(
  state: ProviderState,
  submission: Submission,
  fingerprint: string,
  requested: ScenarioName | undefined,
): ChosenScenario {
  return state.world.board.choose({
    provider: state.dialect.name,
    key: submission.idempotencyKey ?? fingerprint,
    ...(requested && { requested }),
  });
}

const refusalMessages = {
  'rate-limited': 'Too many requests.',
  'concurrency-limited': 'Too many predictions are running at once.',
  'out-of-credit': 'The account has not enough credits.',
  'server-error': 'Something went wrong on our side.',
  'html-page': 'Bad gateway.',
};

function refusalFor(
  state: ProviderState,
  submission: Submission,
  chosen: ChosenScenario,
): Refusal | undefined {
  const rule = chosen.scenario.refusal;
  if (rule && chosen.submitNumber <= rule.firstSubmits) {
    const { reason, retryAfterSeconds } = rule;
    const message = refusalMessages[reason];
    return { reason, message, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
  }
  const nowMs = Date.now();
  if (!state.submits.take(nowMs)) {
    const { resetAtSeconds } = state.submits.usage(nowMs);
    const retryAfterSeconds = Math.max(1, Math.ceil(resetAtSeconds - nowMs / 1000));
    return { reason: 'rate-limited', message: refusalMessages['rate-limited'], retryAfterSeconds };
  }
  const concurrentTasks = state.settings.concurrentTasks ?? Number.POSITIVE_INFINITY;
  if (state.liveTasks >= concurrentTasks) {
    return { reason: 'concurrency-limited', message: refusalMessages['concurrency-limited'] };
  }
  if (state.creditsLeft < submission.creditCost) {
    return { reason: 'out-of-credit', message: refusalMessages['out-of-credit'] };
  }
  return undefined;
}

function accept(
  state: ProviderState,
  submission: Submission,
  chosen: ChosenScenario,
  fingerprint: string,
): Task {
  const { world } = state;
  const acceptedAtMs = Date.now();
  const task = createTask({
    id: state.dialect.newTaskId(),
    submission,
    scenarioName: chosen.name,
    scenario: chosen.scenario,
    acceptedAtMs,
    latencyMs: chosen.scenario.finishBeforeReply
      ? 0
      : world.nextLatencyMs() * (chosen.scenario.latencyFactor ?? 1),
    resultUrls: makeResultUrls(state, submission),
  });
  state.creditsLeft -= submission.creditCost;
  state.liveTasks += 1;
  keepTask(state, task);
  state.book.accepted({
    taskId: task.id,
    scenario: chosen.name,
    idempotencyKey: submission.idempotencyKey ?? null,
    webhookUrl: submission.webhookUrl ?? null,
    inputFingerprint: fingerprint,
    creditsCharged: submission.creditCost,
    creditsRefunded: 0,
    acceptedAtMs,
    doneAtMs: null,
    finalStatus: null,
    polls: 0,
    replays: 0,
    webhookAttempts: [],
  });
  return task;
}

function makeResultUrls(state: ProviderState, submission: Submission): string[] {
  const { gallery, baseUrl } = state.world;
  if (submission.stockResult) return [`${baseUrl()}/assets/person.png`];
  return Array.from({ length: submission.resultCount }, () => {
    const resultId = randomUUID();
    gallery.add(resultId, submission);
    return `${baseUrl()}/results/${resultId}.png`;
  });
}
