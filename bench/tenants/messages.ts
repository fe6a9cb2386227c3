import { z } from 'zod';

/** What the provider of these benchmarks and the benchmark say to each other; times: `monotonicMs`. */

/** Its first word, when it listens. */
export const ProviderReady = z.object({ url: z.string() });

/** The only thing that it can be asked. */
export const REPORT = 'report';

const moments = z.array(z.tuple([z.string(), z.number()]));

/** What it has seen since it started, each under the name of the request. */
export const ProviderReport = z.object({
  /** When each submission was accepted. */
  submitted: moments,
  /** When each task was done. */
  done: moments,
  refused: z.number(),
  polls: z.number(),
});
export type ProviderReport = z.infer<typeof ProviderReport>;

/** How it works, as JSON in its environment. */
export const ProviderWork = z.object({
  /** A task takes between so many milliseconds and so many. */
  taskMs: z.tuple([z.number(), z.number()]),
  seed: z.number(),
});
export type ProviderWork = z.infer<typeof ProviderWork>;
