import { z } from 'zod';

/** What the processes of the attack say to each other. */

/** An authentic delivery that the attacker overheard on its way. */
export const Overheard = z.object({
  provider: z.string(),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  /** Base64. */
  body: z.string(),
});
export type Overheard = z.infer<typeof Overheard>;

/** A generation that its provider has not finished, as its provider knows it. */
export const UnderWay = z.object({
  provider: z.string(),
  taskId: z.string(),
  /** With its token: this attacker knows the URL. */
  path: z.string(),
});
export type UnderWay = z.infer<typeof UnderWay>;

export const Target = z.object({
  url: z.string(),
  port: z.number(),
  /** A web process in front of which no private URL is allowed; null where it is not running. */
  guardedUrl: z.string().nullable(),
  picturesUrl: z.string(),
  malloryKey: z.string(),
  guardedKey: z.string(),
  /** Whoever connects there was led astray. */
  trapPort: z.number(),
  boardLogin: z.string(),
  /** The signing secrets of providers whose HMAC anybody can compute who has them. */
  secrets: z.record(z.string(), z.string()),
  overheard: z.array(Overheard),
  underWay: z.array(UnderWay),
  /** Ids of generations that are another tenant's. */
  shopIds: z.array(z.string()),
  isRedisAway: z.boolean(),
});
export type Target = z.infer<typeof Target>;

/** `from` up to, not including, `to`; `isLast`: what can be said only now is said too. */
export const Order = z.object({
  family: z.string(),
  seed: z.number(),
  from: z.number(),
  to: z.number(),
  isLast: z.boolean(),
  target: Target,
});
export type Order = z.infer<typeof Order>;

const Failure = z.object({ attempt: z.string(), kind: z.string(), detail: z.string() });

export const Tally = z.object({
  family: z.string(),
  tried: z.number(),
  wronglyAccepted: z.number(),
  answered5xx: z.number(),
  hung: z.number(),
  /** Refused, but not as documented. */
  otherwise: z.number(),
  /** The first few of what went wrong. */
  failures: z.array(Failure),
});
export type Tally = z.infer<typeof Tally>;

export const Ready = z.object({ ready: z.literal(true) });

export const ShopCommand = z.discriminatedUnion('do', [
  z.object({ do: z.literal('begin'), phase: z.string(), perSecond: z.number() }),
  z.object({ do: z.literal('end') }),
]);

/** One real generation, as the app knows it. Times are Unix milliseconds. */
export const Real = z.object({
  phase: z.string(),
  marker: z.string(),
  provider: z.string(),
  /** Null: it was never accepted. */
  id: z.string().nullable(),
  outcome: z.string().nullable(),
  askedAtMs: z.number(),
  acceptedAtMs: z.number().nullable(),
  toldAtMs: z.number().nullable(),
  calledBackAtMs: z.number().nullable(),
  /** Different ones; exactly one is right. */
  events: z.number(),
  /** What the API shows at the end. */
  status: z.string().nullable(),
  refused: z.number(),
});
export type Real = z.infer<typeof Real>;
export const ShopReport = z.object({ generations: z.array(Real) });
