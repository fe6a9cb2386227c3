import { expect, test } from 'vitest';
import { Defect } from '../../../src/generation/errors.ts';
import { newGenerationId } from '../../../src/generation/ids.ts';
import type { CompletionItem } from '../../../src/generation/jobs.ts';
import type { Advance } from '../../../src/workers/engine/advance.ts';
import type { Advanced } from '../../../src/workers/engine/step.ts';
import { createComplete } from '../../../src/workers/stages/complete.ts';
import { notUsed, unusedEnqueue } from '../../support/stage-parts.ts';

const item = (): CompletionItem => ({
  id: newGenerationId(Date.now()),
  event: { type: 'cancel' },
});
const FAILED: Advanced = { kind: 'failed', error: new Defect('unreadable') };
const DONE: Advanced = { kind: 'unknown-generation' };

/** A `complete` whose steps come out as given; records what it puts back. */
function setup(outcomes: readonly Advanced[]) {
  const putBack: CompletionItem[] = [];
  const all: Advance['all'] = async (steps, may) => {
    expect(may).toEqual({ finish: true });
    expect(steps).toHaveLength(outcomes.length);
    return [...outcomes];
  };
  const complete = createComplete({
    advance: { all, one: notUsed },
    enqueue: {
      ...unusedEnqueue,
      completionAlone: async (one) => void putBack.push(one),
    },
  });
  return { complete, putBack };
}

test('of a list, only the items that fail are put back, each alone', async () => {
  const { complete, putBack } = setup([DONE, FAILED, DONE, FAILED]);
  const items = [item(), item(), item(), item()];
  await complete({ v: 1, items });
  expect(putBack).toEqual([items[1], items[3]]);
});

test('an item that is alone and fails fails its job', async () => {
  const { complete, putBack } = setup([FAILED]);
  await expect(complete({ v: 1, items: [item()] })).rejects.toMatchObject({ code: 'defect' });
  expect(putBack).toEqual([]);
});
