import { setTimeout as pause } from 'node:timers/promises';
import { CatwalkError, Retryable } from '../../src/generation/errors.ts';
import { attemptKey, newGenerationId } from '../../src/generation/ids.ts';
import type { PollProfile } from '../../src/generation/poll-timing.ts';
import type {
  Observation,
  ProviderAdapter,
  SubmitAnswer,
  SubmitRequest,
} from '../../src/providers/provider.ts';
import type { Say } from '../run-tool.ts';
import type { Recorder } from './recorder.ts';

/** How one generation went, in our words, and what its task is called. */
export interface Run {
  readonly end: string;
  readonly taskId: string | undefined;
}

interface RunParts {
  readonly adapter: ProviderAdapter;
  readonly recorder: Recorder;
  readonly model: string;
  readonly input: Record<string, unknown>;
  readonly webhookUrl: string | undefined;
  readonly poll: PollProfile;
  readonly say: Say;
}

/** No provider knows a task of this name, whatever its ids look like. */
export const UNKNOWN_TASK = '999999999';

/**
 * Prepares, submits once, polls to the end; then asks for a task that there is none of, and for what
 * is left to spend. What the provider refuses is an end as well, for that is worth recording too.
 */
export async function runOnce(parts: RunParts): Promise<Run> {
  const { recorder, adapter, model } = parts;
  const run = await runToItsEnd(parts);
  const asides = {
    'unknown-task': () => adapter.check({ id: UNKNOWN_TASK }, { model }),
    account: () => adapter.account?.(),
  };
  for (const [step, ask] of Object.entries(asides)) {
    const asked = async (): Promise<unknown> => ask();
    await recorder.during(step as keyof typeof asides, asked).catch(() => {});
  }
  return run;
}

async function runToItsEnd(parts: RunParts): Promise<Run> {
  let task: SubmitAnswer['task'] | undefined;
  try {
    const request = await prepared(parts);
    parts.say('submitting');
    const answer = await parts.recorder.during('submit', () => parts.adapter.submit(request));
    task = answer.task;
    const outcome = answer.outcome ?? (await polled(parts, task));
    const why = outcome && 'reason' in outcome ? `: ${outcome.reason.code}` : '';
    return { end: outcome ? `${outcome.verdict}${why}` : 'gave up waiting', taskId: task.id };
  } catch (error) {
    if (!(error instanceof CatwalkError)) throw error;
    return { end: `${error.name}: ${error.code}`, taskId: task?.id };
  }
}

const MOST_STEPS = 20;

async function prepared(parts: RunParts): Promise<SubmitRequest> {
  const { adapter, recorder, model, input, webhookUrl } = parts;
  const idempotencyKey = attemptKey(newGenerationId(Date.now()), 1);
  let request: SubmitRequest = { model, input, idempotencyKey, webhookUrl };
  for (let step = 0; adapter.prepare && step < MOST_STEPS; step++) {
    const sent = request;
    const answer = await recorder.during('prepare', async () => adapter.prepare?.(sent));
    if (!answer) break;
    request = { ...request, prepared: answer.prepared };
    if (answer.done) break;
  }
  return request;
}

/** Undefined: it had not ended when the model's time was over. */
async function polled(
  { adapter, recorder, model, poll, say }: RunParts,
  task: SubmitAnswer['task'],
): Promise<(Observation & { kind: 'final' })['outcome'] | undefined> {
  const until = Date.now() + poll.giveUpAfterMs;
  let waitMs = poll.firstAfterMs;
  let said = '';
  for (let polls = 1; Date.now() < until; polls++) {
    await pause(waitMs);
    waitMs = Math.min(poll.everyMs * poll.factor ** polls, poll.longestMs);
    try {
      const seen = await recorder.during('check', () => adapter.check(task, { model }));
      if (seen.kind === 'final') return seen.outcome;
      const news =
        seen.kind === 'live' ? `the provider says ${seen.status}` : 'the task is unknown';
      if (news !== said) say(news);
      said = news;
    } catch (error) {
      if (!(error instanceof Retryable)) throw error;
      waitMs = Math.max(waitMs, error.retryAfterMs ?? 0);
    }
  }
  return undefined;
}
