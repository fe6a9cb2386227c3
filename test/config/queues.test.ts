import { expect, test } from 'vitest';
import {
  DONE_JOBS_KEPT_S,
  jobOptions,
  queueNames,
  readQueueName,
  WORKER_OPTIONS,
} from '../../src/config/queues.ts';

test.each(['submit', 'poll', 'subscriber'] as const)(
  'the name of a %s queue is taken apart as it was built, whatever it is of',
  (family) => {
    for (const of of ['fashn', 'image-intelligence', 'poll-x', 'completions', 'submit-']) {
      expect(readQueueName(queueNames[family](of))).toEqual({ family, of });
    }
  },
);

test('completions is one queue, and what is none of ours is nothing', () => {
  expect(readQueueName(queueNames.completions)).toEqual({ family: 'completions' });
  for (const name of ['', 'submit', 'emails', 'completions-fashn', 'my-submit-fashn']) {
    expect(readQueueName(name)).toBeUndefined();
  }
});

test('a subscriber’s done job outlives whatever could queue the same event again', () => {
  const { lockDuration, stalledInterval } = WORKER_OPTIONS;
  const longestLease = 300_000;
  expect(DONE_JOBS_KEPT_S * 1_000).toBeGreaterThan(longestLease + lockDuration + stalledInterval);
  expect(jobOptions.subscriber.removeOnComplete).toMatchObject({ age: DONE_JOBS_KEPT_S });
});
