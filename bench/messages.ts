import { z } from 'zod';

/** What the benchmark and its own processes say to each other. Times are `monotonicMs`. */

/** `hold`: keep webhooks back; `release`: send those kept back; `report`: answer a StubReport. */
export const StubCommand = z.enum(['hold', 'release', 'report']);

/** The stub's first word, when it listens. */
export const StubReady = z.object({ url: z.string() });

/** What the stub provider has seen since it started. */
export const StubReport = z.object({
  submits: z.number(),
  polls: z.number(),
  /** Webhooks that were not answered 200. */
  refused: z.number(),
  /** Generation id and when the provider was done with it, just before it sent the webhook. */
  done: z.array(z.tuple([z.string(), z.number()])),
});
export type StubReport = z.infer<typeof StubReport>;

/** Answer when so many more generations have been heard of. */
export const SubscriberCommand = z.object({ expect: z.number().int() });

export const SubscriberReady = z.object({ subscribed: z.literal(true) });

/** Generation id and when the subscriber was called for it. */
export const SubscriberReport = z.object({
  told: z.array(z.tuple([z.string(), z.number()])),
});
export type SubscriberReport = z.infer<typeof SubscriberReport>;
