import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import type {
  ImageInput,
  Provider,
  Refusal,
  Reply,
  Submission,
  TaskFacts,
} from '../contract/dialect.ts';
import { keepTask, nextSequence, type ProviderState } from '../engine/provider-state.ts';
import { runTask } from '../engine/run-task.ts';
import { createTask, type Task } from '../engine/task.ts';
import { fingerprintOf } from '../pictures/image-identity.ts';
import type { ChosenScenario } from '../scenarios/active-scenarios.ts';
import { directivesOf } from '../scenarios/directives.ts';
import { refusalMessages, scenarioRefusal } from '../scenarios/scenario-refusal.ts';
import {
  isScenarioName,
  type ScenarioName,
  unknownScenarioMessage,
} from '../scenarios/scenarios.ts';
import { refuse, send, setRateHeaders } from './replies.ts';

/**
 * The one way in for work. In order: validate, replay a known idempotency key, let the scenario or
 * the limits refuse, and only then take the credits, because what is refused must cost nothing.
 */
export function createSubmitRoute(
  state: ProviderState,
  provider: Provider,
  read: (request: Request) => Submission | Refusal | Promise<Submission | Refusal>,
  reply: (task: TaskFacts) => Reply | Promise<Reply>,
): RequestHandler {
  return async (request, response) => {
    const wanted = await read(request);
    if ('reason' in wanted) return refuse(state, response, wanted);
    const submission = state.world.images.poolSubmission(wanted);
    const { idempotencyKey: key } = submission;
    const fingerprint = fingerprintOf(submission);
    const about = { idempotencyKey: key, fingerprint };
    const body = `${fingerprint} ${submission.webhookUrl ?? ''}`;
    const known = findReplay(state, request, submission);
    if (known) {
      const conflict = state.dialect.refusesKnownKeys
        ? knownKey
        : refuseChangedBody(provider, known.bodyFingerprint, body);
      if (conflict) return refuse(state, response, conflict, about);
      const { taskId } = known;
      state.book.replayed({ atMs: Date.now(), taskId, idempotencyKey: key ?? '' });
      return send(response, await known.reply);
    }

    const requested = requestedScenario(request, submission);
    if (requested !== undefined && !isScenarioName(requested)) {
      const message = unknownScenarioMessage(requested);
      return refuse(state, response, { reason: 'invalid', message }, about);
    }
    const chosen = chooseScenario(state, submission, fingerprint, requested);
    const refusal =
      refuseExpiredToken(state, request, chosen) ?? refusalFor(state, submission, chosen);
    if (refusal) return refuse(state, response, refusal, about);

    const task = accept(state, submission, chosen, fingerprint);
    setRateHeaders(state, response);
    const running = runTask(state, task, provider);
    running.catch((error: unknown) => {
      state.world.log(`${state.dialect.name} ${task.id} defect: ${String(error)}`);
    });
    const replying = chosen.scenario.finishBeforeReply
      ? running.then(() => reply(task))
      : Promise.resolve(reply(task));
    if (key !== undefined) {
      const remembered = { taskId: task.id, bodyFingerprint: body, reply: replying };
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

/** Keys of different accounts are different keys. */
function cacheKey(state: ProviderState, request: Request, idempotencyKey: string): string {
  return `${state.dialect.readKey(request) ?? ''} ${idempotencyKey}`;
}

function findReplay(state: ProviderState, request: Request, submission: Submission) {
  const key = submission.idempotencyKey;
  if (key === undefined) return undefined;
  return state.idempotency.find(cacheKey(state, request, key), Date.now());
}

const knownKey: Refusal = { reason: 'key-reused', message: 'This reference was used before.' };

/** Undocumented everywhere, so a dialect may have a switch for it; the cached answer wins unless told. */
function refuseChangedBody(provider: Provider, before: string, now: string): Refusal | undefined {
  if (provider.chosen('changed-body') !== 'refuse' || before === now) return undefined;
  return {
    reason: 'key-reused',
    message: 'This Idempotency-Key was used with another request body.',
  };
}

function imagesOf(submission: Submission): ImageInput[] {
  const { personImage, garmentImages, inspectedImages = [] } = submission;
  return [
    ...(personImage === undefined ? [] : [personImage]),
    ...garmentImages,
    ...inspectedImages,
  ];
}

/** The `x-simulate` header, or `simulate` in the query of the first image URL that has one. */
function requestedScenario(request: Request, submission: Submission): string | undefined {
  return request.get('x-simulate') ?? directive(submission, 'simulate');
}

function directive(submission: Submission, name: 'simulate' | 'marker'): string | undefined {
  for (const image of imagesOf(submission)) {
    const value = directivesOf(image)?.get(name);
    if (value !== undefined && value !== null) return value;
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
    kind: 'submit',
    key: submission.idempotencyKey ?? fingerprint,
    ...(requested && { requested }),
  });
}

/** Ends the access token of the first submit, as if its time had come just now. */
function refuseExpiredToken(
  state: ProviderState,
  request: Request,
  chosen: ChosenScenario,
): Refusal | undefined {
  const { usesAccessTokens, readKey } = state.dialect;
  const isDue = chosen.scenario.expiresToken && chosen.submitNumber === 1;
  if (!isDue || !usesAccessTokens) return undefined;
  state.tokens.expire(readKey(request) ?? '');
  return { reason: 'unauthorized', message: 'The access token has expired.' };
}

function refusalFor(
  state: ProviderState,
  submission: Submission,
  chosen: ChosenScenario,
): Refusal | undefined {
  const refusal = scenarioRefusal(chosen);
  if (refusal) return refusal;
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
    id: state.dialect.newTaskId(nextSequence(state)),
    submission,
    scenarioName: chosen.name,
    scenario: chosen.scenario,
    acceptedAtMs,
    latencyMs: chosen.scenario.finishBeforeReply
      ? 0
      : world.nextLatencyMs() * (chosen.scenario.latencyFactor ?? 1),
    resultUrls: makeResultUrls(state, submission, chosen),
  });
  state.creditsLeft -= submission.creditCost;
  state.liveTasks += 1;
  keepTask(state, task);
  state.book.accepted({
    taskId: task.id,
    scenario: chosen.name,
    idempotencyKey: submission.idempotencyKey ?? null,
    webhookUrl: submission.webhookUrl ?? state.webhookUrl ?? null,
    inputFingerprint: fingerprint,
    marker: directive(submission, 'marker') ?? null,
    isPaid: submission.creditCost > 0,
    creditsCharged: submission.creditCost,
    creditsRefunded: 0,
    acceptedAtMs,
    doneAtMs: null,
    finalStatus: null,
    polls: 0,
    replays: 0,
    cancelRequests: 0,
    webhookAttempts: [],
  });
  return task;
}

function makeResultUrls(
  state: ProviderState,
  submission: Submission,
  chosen: ChosenScenario,
): string[] {
  const { gallery, baseUrl } = state.world;
  if (submission.stockResult) return [`${baseUrl()}/assets/person.png`];
  if (submission.personImage === undefined) return [];
  return Array.from({ length: submission.resultCount }, () => {
    const resultId = randomUUID();
    gallery.add(resultId, submission);
    if (chosen.scenario.resultsAreGone) gallery.expire(resultId);
    return `${baseUrl()}/results/${resultId}.${submission.outputFormat ?? 'png'}`;
  });
}
