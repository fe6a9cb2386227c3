import type { FinalGeneration } from '../../generation/generation.ts';
import { newsOf } from '../../generation/late-result.ts';
import type { Rounds } from '../../producers/rounds.ts';
import { coalesce } from '../../store/coalesce.ts';
import type { Subscribers } from '../../store/subscribers.ts';
import type { Turns } from '../../store/turns.ts';
import { type Batch, type BatchParts, fail, settle } from './batch.ts';
import type { BeforeTelling } from './before-telling.ts';
import { createIssueEffects, type Notified } from './issue-effects.ts';
import type { Advanced, Step } from './step.ts';

export interface Advance {
  /** One step; those of one turn of the event loop share their round trips. */
  one(step: Step): Promise<Advanced>;
  /** Many steps in a few round trips, in their order. Only `completions` may finish. */
  all(steps: readonly Step[], may: { finish: boolean }): Promise<Advanced[]>;
}

/** With what comes after a wait. */
export interface TellingAdvance extends Advance {
  /** Tells of a completion that had to wait. A second time changes nothing. */
  tell(generation: FinalGeneration): Promise<void>;
}

export interface AdvanceParts extends BatchParts {
  readonly turns: Pick<Turns, 'enter'>;
  readonly rounds: Rounds;
  readonly subscribers: Subscribers;
  readonly beforeTelling: BeforeTelling;
}

/**
 * Load → state machine → compare-and-set → effects. Every stage ends here. An effect whose job could
 * not be added fails its own step, and the schedule issues it again in time.
 */
export function createAdvance(parts: AdvanceParts): TellingAdvance {
  const issueEffects = createIssueEffects({ ...parts, markNotified });

  async function all(steps: readonly Step[], may: { finish: boolean }): Promise<Advanced[]> {
    const results: Advanced[] = steps.map(() => ({ kind: 'unknown-generation' }));
    const batch: Batch = { steps, mayFinish: may.finish, results, moved: [], forwarded: [] };
    await settle(parts, batch);
    const issued = issueEffects(batch.moved, (index, error) => fail(batch, index, error));
    await Promise.all([...batch.forwarded, issued]);
    return results;
  }

  function markNotified(notified: readonly Notified[]): Promise<Advanced[]> {
    const steps = notified.map(({ generation, what }) => {
      const type = what === 'outcome' ? ('notified' as const) : ('late-notified' as const);
      return { id: generation.id, generation, event: { type } };
    });
    return all(steps, { finish: true });
  }

  const together = coalesce((steps: Step[]) => all(steps, { finish: false }));
  return {
    all,
    tell: async (generation) => {
      const moved = { index: 0, generation, effects: newsOf(generation), again: true };
      await issueEffects([moved], (_, error) => {
        throw error;
      });
    },
    one: async (step) => {
      const advanced = await together(step);
      if (advanced.kind === 'failed') throw advanced.error;
      return advanced;
    },
  };
}
