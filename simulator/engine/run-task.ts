import { randomUUID } from 'node:crypto';
import type { ImageProblem, Provider, TaskView, Verdict } from '../contract/dialect.ts';
import type { WebhookAttempt } from './ledger.ts';
import type { ProviderState } from './provider-state.ts';
import { type Task, viewOf } from './task.ts';

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
  const { personImage, garmentImages, inspectedImages, stockResult } = task.submission;
  const dressing = personImage === undefined ? garmentImages : [personImage, ...garmentImages];
  const inspections = Promise.all([
    gallery.inspect(stockResult ? [] : dressing),
    gallery.inspect(inspectedImages ?? []),
  ]);
  announceLiveStatuses(state, task, provider, life);
  if (task.scenario.neverFinishes) return;

  const forged = task.scenario.webhook?.forgedFirst
    ? sendForgedWebhook(state, task, provider, life)
    : Promise.resolve();
  const [[dressingProblems, problems]] = await Promise.all([
    inspections,
    clock.pause(task.latencyMs),
  ]);
  // A canceled task is already finished, and told.
  if (life.aborted || task.verdict) return;
  finish(state, task, decide(state, task, dressingProblems, problems));

  await forged;
  await sendFinalWebhook(state, task, provider, life);
}

/** Ends the task as canceled and tells its webhook; false when it had already ended. */
export function cancelTask(state: ProviderState, task: Task, provider: Provider): boolean {
  if (task.verdict) return false;
  finish(state, task, { state: 'canceled' });
  void sendFinalWebhook(state, task, provider, state.world.life());
  return true;
}

const spoiled: ImageProblem = { kind: 'unreadable', message: 'The file is not a readable image.' };

function decide(
  state: ProviderState,
  task: Task,
  dressingProblems: readonly (ImageProblem | undefined)[],
  inspected: readonly (ImageProblem | undefined)[],
): Verdict {
  const kind = task.scenario.failure;
  if (kind === 'moderation' || kind === 'generation') {
    return { state: 'failed', kind, message: failureMessages[kind] };
  }
  const problem = dressingProblems.find((found) => found !== undefined);
  if (problem) return { state: 'failed', kind: 'image-load', message: problem.message };
  const isSpoiled = task.scenario.spoilsFirstImage && inspected.length > 1;
  const problems = isSpoiled ? [spoiled, ...inspected.slice(1)] : inspected;
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
  const { copies = 1, delayInLatencies = 0, repeatsProgressLast } = task.scenario.webhook ?? {};
  if (delayInLatencies > 0) await state.world.clock.pause(task.latencyMs * delayInLatencies);
  if (life.aborted) return;
  const view = viewOf(task, state.dialect, state.world.clock, Date.now());
  await Promise.all(
    Array.from({ length: copies }, () => send(state, task, provider, { kind: 'true', view })),
  );
  const { webhook, liveStatuses } = state.dialect;
  if (repeatsProgressLast && webhook?.when === 'every-change') {
    const live: TaskView = { state: 'live', status: liveStatuses[0] };
    await send(state, task, provider, { kind: 'progress', view: live });
  }
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
  if (state.dialect.webhook?.when !== 'every-change') return;
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
  const url = task.submission.webhookUrl ?? state.webhookUrl;
  if (url === undefined || !webhook) return;
  const told = await webhook.body(task, message.view, provider);
  if (told === undefined) return;
  // The bytes are made once: what is signed and what is repeated is exactly what is sent.
  const body = Buffer.from(JSON.stringify(told));
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
