import type { z } from 'zod';
import { connectCatwalk } from '../src/index.ts';
import { monotonicMs } from './clock.ts';
import { SubscriberCommand, type SubscriberReady, type SubscriberReport } from './messages.ts';

/** The app that is told: a subscriber in a process of its own, noting when it was called. */

const heard = new Set<string>();
let told: SubscriberReport['told'] = [];
let expected: number | undefined;

function answerWhenComplete(): void {
  if (expected === undefined || told.length < expected) return;
  process.send?.({ told } satisfies SubscriberReport);
  told = [];
  expected = undefined;
}

const catwalk = await connectCatwalk(process.env);
await catwalk.onCompletion('bench', (event) => {
  const at = monotonicMs();
  const id = event.data.generationId;
  if (heard.has(id)) return;
  heard.add(id);
  told.push([id, at]);
  answerWhenComplete();
});

process.on('message', (message) => {
  expected = SubscriberCommand.parse(message).expect;
  answerWhenComplete();
});
process.once('SIGTERM', async () => {
  await catwalk.close();
  process.exit();
});
process.send?.({ subscribed: true } satisfies z.infer<typeof SubscriberReady>);
