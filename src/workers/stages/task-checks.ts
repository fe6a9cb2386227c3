import { type Logger, onceInAWhile } from '../../config/log.ts';
import { Defect, Retryable } from '../../generation/errors.ts';
import { type GenerationEvent, observedEvent } from '../../generation/events.ts';
import type { InState } from '../../generation/generation.ts';
import type { Checkable } from '../../generation/late-result.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import { createMissingWatch } from './missing-watch.ts';

export interface TaskChecks {
  /** @returns undefined when the lease is to run out: this process stops, which says nothing. */
  check(generation: InState<'submitted'> | Checkable): Promise<GenerationEvent | undefined>;
  /**
   * What a check means when one looks at the others too: that a task is missing says nothing while
   * its provider knows hardly any; then nobody has answered.
   */
  amongOthers(event: GenerationEvent): GenerationEvent;
}

/** Asks one provider how its tasks are. */
export function createTaskChecks(parts: {
  provider: ProviderAdapter;
  shutdownSignal: AbortSignal;
  now: () => number;
  log: Logger;
}): TaskChecks {
  const { provider, shutdownSignal, now, log } = parts;
  const missing = createMissingWatch(now);
  const sayOutage = onceInAWhile((err) =>
    log.error({ provider: provider.name, ...missing.lately(), err }, 'checks count as unanswered'),
  );

  return {
    async check({ id, task, model }) {
      const askedAt = now();
      try {
        const observation = await provider.check(task, { model });
        missing.answered(task.id, observation.kind === 'missing');
        return observedEvent(observation, 'poll', { taskId: task.id, askedAt });
      } catch (err) {
        if (shutdownSignal.aborted) return undefined;
        const line = { generation: id, provider: provider.name, err };
        if (err instanceof Defect) log.error(line, 'poll not understood');
        else log.warn(line, 'poll without answer');
        const retryAfterMs = err instanceof Retryable ? err.retryAfterMs : undefined;
        return { type: 'poll-failed', ...(retryAfterMs !== undefined && { retryAfterMs }) };
      }
    },
    amongOthers(event) {
      if (event.type !== 'observed-missing' || !missing.isOutage()) return event;
      sayOutage(new Error(KNOWS_NO_TASK));
      return { type: 'poll-failed' };
    },
  };
}

const KNOWS_NO_TASK =
  'The provider knows hardly any of our tasks: a wrong base URL or path, another account’s key, ' +
  'or the provider is down. No task counts as lost meanwhile.';
