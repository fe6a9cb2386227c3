import { z } from 'zod';
import type { ProviderAdapter } from './provider.ts';
import { InvalidProviderSettings } from './provider-settings.ts';

const isFunction = z.custom<unknown>((value) => typeof value === 'function', 'must be a function');
const Positive = z.number().positive();

/** The compiler holds adapters written in TypeScript to this; others meet it when they are built. */
const Declaration = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  models: z.record(
    z.string(),
    z.object({
      poll: z.record(z.string(), Positive.optional()).optional(),
      resultLifetimeMs: Positive.optional(),
    }),
  ),
  limits: z.object({
    submits: z.object({ max: Positive, perMs: Positive }),
    concurrency: Positive,
    pollsPerSecond: Positive,
    running: Positive.optional(),
  }),
  repeatSubmit: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('idempotency-key'), keyLifetimeMs: Positive }),
    z.object({ kind: z.literal('unique-reference') }),
    z.object({ kind: z.literal('search'), find: isFunction }),
    z.object({ kind: z.literal('none') }),
  ]),
  inputs: z.enum(['url', 'upload']),
  webhook: z
    .discriminatedUnion('trust', [
      z.object({
        trust: z.literal('signature'),
        scope: z.enum(['request', 'account']),
        verify: isFunction,
        read: isFunction,
      }),
      z.object({
        trust: z.enum(['token', 'hint']),
        scope: z.literal('request'),
        verify: z.undefined().optional(),
        read: isFunction,
      }),
    ])
    .optional(),
  submit: isFunction,
  check: isFunction,
  prepare: isFunction.optional(),
  cancel: isFunction.optional(),
  account: isFunction.optional(),
});

/**
 * @param name what the adapter was built as.
 * @throws InvalidProviderSettings naming the part of the adapter that cannot be.
 */
export function assertDeclaration(name: string, adapter: ProviderAdapter): void {
  const declared = Declaration.safeParse(adapter);
  if (declared.success) return;
  const [problem] = declared.error.issues;
  const where = problem?.path.join('.') || 'all of it';
  throw new InvalidProviderSettings(
    `${name}: its adapter cannot be: ${where}: ${problem?.message}`,
  );
}
