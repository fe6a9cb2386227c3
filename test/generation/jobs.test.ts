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

test('an event says whether to ask again, the charge, a test and the provider’s task; one queued by an earlier version need not', () => {
  const charge = { amount: 8, unit: 'credits' };
  const { data: done } = completionEvent({ ...RECORDS.completed, charge });
  expect(done).toMatchObject({
    ...{ reason: null, charge: { ...charge, source: 'reported' } },
    ...{ test: false, providerTaskId: 'task-1' },
  });
  const event = completionEvent({ ...RECORDS.failed, isTest: true });
  expect(event.data).toMatchObject({
    ...{ charge: null, test: true, providerTaskId: 'task-1' },
    reason: { code: 'bad_image', retry: { mayHelp: null, notBefore: null } },
  });
  expect(SubscriberJob.parse({ v: 1, event })).toStrictEqual({ v: 1, event });

  const { charge: _, test: __, providerTaskId: ___, ...earlier } = event.data;
  const data = { ...earlier, reason: RECORDS.failed.reason };
  const queued = { v: 1, event: { ...event, data } };
  expect(SubscriberJob.parse(queued)).toStrictEqual(queued);
});
