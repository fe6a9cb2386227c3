import { randomUUID } from 'node:crypto';
import type { Provider, TaskView } from './dialect.ts';
import type { WebhookAttempt } from './ledger.ts';
import type { ProviderState } from './provider-state.ts';
import { type Task, type Verdict, viewOf } from './task.ts';

/** Signs what an attacker sends: of a plausible look, and known to nobody. */
const attackersSecret = `whsec_${randomUUID()}`;

const failureMessages = {
  moderation: 'The request was flagged by content moderation.',
  generation: 'The generation failed inside the pipeline.',
};

/**
 * Lives one task to its end: waits its latency, decides the verdict, keeps the books and tells the
 * webhook. Resolves when every copy of the final webhook has been tried once.
 */
export async function runTask(state: ProviderState, task: Task, provider: Provider): Promise<void> {
  const { clock, gallery } = state.world;
  const life = state.world.life();
  // Begun at once, as a provider would: a dead image URL fails the task soon, not when it is drawn.
  const inputProblem = task.submission.stockResult
    ? Promise.resolve(undefined)
    : gallery.findProblem(task.submission);
  announceLiveStatuses(state, task, provider, life);
  if (task.scenario.neverFinishes) return;

  const forged = task.scenario.webhook?.forgedFirst
    ? sendForgedWebhook(state, task, provider, life)
    : Promise.resolve();
  const [problem] = await Promise.all([inputProblem, clock.pause(task.latencyMs)]);
  if (life.aborted) return;
  finish(state, task, decide(task, problem));

  await forged;
  await sendFinalWebhook(state, task, provider, life);
}

function decide(task: Task, inputProblem: string | undefined): Verdict {
  const kind = task.scenario.failure;
  if (kind === 'moderation' || kind === 'generation') {
    return { state: 'failed', kind, message: failureMessages[kind] };
  }
  if (inputProblem !== undefined) {
    return { state: 'failed', kind: 'image-load', message: inputProblem };
  }
  return { state: 'completed' };
}

function finish(state: ProviderState, task: Task, verdict: Verdict): void {
  const nowMs = Date.now();
  task.verdict = verdict;
  task.finishedAtMs = nowMs;
  state.liveTasks -= 1;
  const isRefunded = verdict.state === 'failed' && state.dialect.refundsFailures;
  const creditsRefunded = isRefunded ? task.submission.creditCost : 0;
  state.creditsLeft += creditsRefunded;
  const status = state.dialect.finalStatuses[verdict.state];
  state.book.finished(task.id, { status, atMs: nowMs, creditsRefunded });
  const durationMs = nowMs - task.acceptedAtMs;
  state.world.log(`${state.dialect.name} ${task.id} ${status} durationMs=${durationMs}`);
  task.markFinal();
}

async function sendFinalWebhook(
  state: ProviderState,
  task: Task,
  provider: Provider,
  life: AbortSignal,
): Promise<void> {
  const { copies = 1, delayInLatencies = 0 } = task.scenario.webhook ?? {};
  if (delayInLatencies > 0) await state.world.clock.pause(task.latencyMs * delayInLatencies);
  if (life.aborted) return;
  const view = viewOf(task, state.dialect, state.world.clock, Date.now());
  await Promise.all(
    Array.from({ length: copies }, () => send(state, task, provider, { kind: 'true', view })),
  );
}

async function sendForgedWebhook(
  state: ProviderState,
  task: Task,
  provider: Provider,
  life: AbortSignal,
): Promise<void> {
  await state.world.clock.pause(task.latencyMs / 2);
  if (life.aborted) return;
  const view: TaskView = {
    state: 'failed',
    kind: 'generation',
    message: failureMessages.generation,
  };
  await send(state, task, provider, { kind: 'forged', view });
}

function announceLiveStatuses(
  state: ProviderState,
  task: Task,
  provider: Provider,
  life: AbortSignal,
): void {
  if (state.dialect.webhook.when !== 'every-change') return;
  const { liveStatuses } = state.dialect;
  for (const [index, status] of liveStatuses.entries()) {
    if (index > 0 && task.scenario.neverFinishes) return;
    state.world.clock.after((task.latencyMs * index) / liveStatuses.length, () => {
      if (life.aborted || task.verdict) return;
      void send(state, task, provider, { kind: 'progress', view: { state: 'live', status } });
    });
  }
}

/** Resolves after the first try; the repeats go on by themselves. */
async function send(
  state: ProviderState,
  task: Task,
  provider: Provider,
  message: { kind: WebhookAttempt['kind']; view: TaskView },
): Promise<void> {
  const { webhook, defaultSecret } = state.dialect;
  const url = task.submission.webhookUrl;
  if (url === undefined) return;
  // The bytes are made once: what is signed and what is repeated is exactly what is sent.
  const body = Buffer.from(JSON.stringify(await webhook.body(task, message.view, provider)));
  const isForged = message.kind === 'forged';
  const secret = isForged ? attackersSecret : (state.settings.secret ?? defaultSecret);
  const messageId = `msg_${randomUUID()}`;
  const delivery = state.world.courier.deliver({
    url,
    body,
    headers: () => webhook.sign({ body, secret, messageId }),
    // An attacker does not wait to be told twice.
    retryDelaysMs: isForged ? [] : webhook.retryDelaysMs,
    accepts: (status) => webhook.accepts(status),
    onTry: ({ tryNumber, answeredStatus }) =>
      state.book.webhookTried(task.id, {
        atMs: Date.now(),
        kind: message.kind,
        tryNumber,
        answeredStatus,
      }),
  });
  await delivery.firstAnswer;
}
