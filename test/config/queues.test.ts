import { expect, test } from 'vitest';
import { queueNames, readQueueName } from '../../src/config/queues.ts';

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
