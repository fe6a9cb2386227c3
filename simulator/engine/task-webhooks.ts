import { randomUUID } from 'node:crypto';
import type { Provider } from '../contract/provider.ts';
import type { TaskView } from '../contract/task.ts';
import type { WebhookAttempt } from './ledger-entries.ts';
import type { ProviderState } from './provider-state.ts';
import { type Task, viewOf } from './task.ts';

/** One task under way, and what it needs to get to its end. */
export interface TaskRun {
  readonly state: ProviderState;
  readonly task: Task;
  readonly provider: Provider;
  /** After it nothing is decided or sent any more. */
  readonly stopSignal: AbortSignal;
}

/** Signs forged webhooks: it looks like a secret, and nobody knows it. */
const FORGER_SECRET = `whsec_${randomUUID()}`;

/** What is said about failures that a scenario asked for. */
export const FAILURE_MESSAGES = {
  moderation: 'The request was flagged by content moderation.',
  generation: 'The generation failed inside the pipeline.',
};

/** Sends the end as often and as late as the scenario says. Resolves when each copy was tried once. */
export async function sendFinalWebhook(run: TaskRun): Promise<void> {
  const { state, task, stopSignal } = run;
  const { copies = 1, delayInLatencies = 0, repeatsProgressLast } = task.scenario.webhook ?? {};
  if (delayInLatencies > 0) await state.context.clock.pause(task.latencyMs * delayInLatencies);
  if (stopSignal.aborted) return;
  const view = viewOf(task, state.dialect, state.context.clock, Date.now());
  await Promise.all(Array.from({ length: copies }, () => send(run, 'true', view)));
  const { webhook, liveStatuses } = state.dialect;
  if (repeatsProgressLast && webhook?.when === 'every-change') {
    await send(run, 'progress', { state: 'live', status: liveStatuses[0] });
  }
}

/** Sends, half way, a failure that did not happen, signed with a secret that is not the provider's. */
export async function sendForgedWebhook(run: TaskRun): Promise<void> {
  const { state, task, stopSignal } = run;
  await state.context.clock.pause(task.latencyMs / 2);
  if (stopSignal.aborted) return;
  const message = FAILURE_MESSAGES.generation;
  await send(run, 'forged', { state: 'failed', kind: 'generation', message });
}

/** Sends each live status when its time comes, where the provider does so. */
export function announceLiveStatuses(run: TaskRun): void {
  const { state, task, stopSignal } = run;
  if (state.dialect.webhook?.when !== 'every-change') return;
  const { liveStatuses } = state.dialect;
  for (const [index, status] of liveStatuses.entries()) {
    if (index > 0 && task.scenario.neverFinishes) return;
    state.context.clock.after((task.latencyMs * index) / liveStatuses.length, () => {
      if (stopSignal.aborted || task.verdict) return;
      void send(run, 'progress', { state: 'live', status });
    });
  }
}

/** Resolves after the first try; the repeats go on by themselves. */
async function send(run: TaskRun, kind: WebhookAttempt['kind'], view: TaskView): Promise<void> {
  const { state, task, provider } = run;
  const { webhook, defaultSecret } = state.dialect;
  const url = task.submission.webhookUrl ?? state.webhookUrl;
  if (url === undefined || !webhook) return;
  const content = await webhook.body(task, view, provider);
  if (content === undefined) return;
  // The bytes are made once: what is signed and what is repeated is exactly what is sent.
  const body = Buffer.from(JSON.stringify(content));
  const isForged = kind === 'forged';
  const secret = isForged ? FORGER_SECRET : (state.settings.secret ?? defaultSecret);
  const messageId = `msg_${randomUUID()}`;
  const delivery = state.context.sender.deliver({
    url,
    body,
    headers: () => webhook.sign({ body, secret, messageId }),
    // Only a provider tries again.
    retryDelaysMs: isForged ? [] : webhook.retryDelaysMs,
    accepts: (status) => webhook.accepts(status),
    onTry: ({ tryNumber, answeredStatus }) =>
      state.ledger.webhookTried(task.id, { atMs: Date.now(), kind, tryNumber, answeredStatus }),
  });
  await delivery.firstAnswer;
}
