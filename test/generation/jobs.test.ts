import { expect, test } from 'vitest';
import { completionEvent } from '../../src/generation/completion-event.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { SubscriberJob } from '../../src/generation/jobs.ts';
import { NOW, RECORDS } from './fixtures.ts';

test('a subscriber’s job says whether it is about a redrive; one of an earlier version need not', () => {
  const redriveOf = newGenerationId(NOW);
  const event = completionEvent({ ...RECORDS.failed, redriveOf });
  expect(event.data.redriveOf).toBe(redriveOf);
  expect(completionEvent(RECORDS.failed).data.redriveOf).toBeNull();
  expect(SubscriberJob.parse({ v: 1, event })).toStrictEqual({ v: 1, event });
  const { redriveOf: _, ...data } = event.data;
  expect(SubscriberJob.safeParse({ v: 1, event: { ...event, data } }).success).toBe(true);
});
