import { isFinal } from '../../generation/generation.ts';
import type { SubmitJob } from '../../generation/jobs.ts';
import { AdapterDefect } from '../../providers/adapter-defect.ts';
import type { SubmitParts } from './submit.ts';
import { submitRequest } from './submit-request.ts';

type Parts = Pick<SubmitParts, 'provider' | 'store' | 'advance' | 'webhookUrl' | 'now' | 'log'>;

/**
 * Asks the provider whether it ever got a submission whose answer was lost.
 * @throws Retryable when nothing could be learned; the queue tries again, and so does the schedule.
 */
export function createLookUp(parts: Parts): (job: SubmitJob) => Promise<undefined> {
  const { provider, store, advance, webhookUrl, now, log } = parts;
  return async ({ id }) => {
    const generation = await store.load(id);
    const { repeatSubmit } = provider;
    if (generation?.state !== 'unconfirmed' || repeatSubmit.kind !== 'search') return undefined;
    const askedAt = now();
    const request = submitRequest(generation, webhookUrl(generation));
    const task = await repeatSubmit.find(request).catch((err: unknown) => {
      if (!(err instanceof AdapterDefect) || !err.task) throw err;
      // Whatever else of the answer was not understood, the task was: it can be polled.
      log.error({ generation: id, provider: provider.name, err }, 'answer understood in part');
      return err.task;
    });
    log.info({ generation: id, provider: provider.name, found: task !== undefined }, 'looked up');
    await advance.one({
      id,
      event: task
        ? { type: 'submit-accepted', task }
        : { type: 'absence-proven', send: generation.sends, askedAt },
    });
    return undefined;
  };
}

/** Asks the provider to stop the task of a canceled generation. @throws Retryable */
export function createCancelTask(parts: Parts): (job: SubmitJob) => Promise<undefined> {
  const { provider, store, log } = parts;
  return async ({ id }) => {
    const generation = await store.load(id);
    if (!generation || !isFinal(generation) || !generation.task) return undefined;
    await provider.cancel?.(generation.task);
    log.info({ generation: id, provider: provider.name }, 'task canceled at the provider');
    return undefined;
  };
}
