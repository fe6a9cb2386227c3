import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import type { Keys } from './keys.ts';

/**
 * The endpoints that callbacks go to, shared by the whole fleet. An endpoint is one tenant's: the
 * scheme, host and port of a callback URL; what it does to others' callbacks is nothing. Each may
 * have so many callbacks under way, and its tenant so many together. Some failed events in a row, or
 * answers that take too long, open its circuit: its callbacks then take the slow lane, which has
 * places of its own, until one is answered well and in time. What only fails for days is disabled.
 */
export interface Endpoints {
  /** @param stays it timed out in the fast lane, which would only do it again. */
  take(call: EndpointCall, stays: boolean): Promise<Place>;
  /** Gives the place back. @returns what is new of the endpoint, for whoever watches. */
  report(call: EndpointCall, place: { readonly try: string }, end: CallEnd): Promise<EndpointNews>;
}

export type CallbackLane = 'fast' | 'slow';

export interface EndpointCall {
  readonly tenant: string;
  readonly endpoint: string;
  /** The event's id, the same at every try. */
  readonly event: string;
  readonly lane: CallbackLane;
}

/** `go`, and report under this name; or what to do instead. */
type Place =
  | { readonly kind: 'go'; readonly try: string }
  | { readonly kind: 'wait'; readonly forMs: number }
  | { readonly kind: CallbackLane | 'disabled' };

/** `ignored`: nothing was learned of the endpoint. */
export interface CallEnd {
  readonly result: 'success' | 'failure' | 'ignored';
  /** Of a failure. */
  readonly code: string;
  /** The event is tried no more. */
  readonly isOver: boolean;
  readonly tookMs: number;
}

type EndpointNews = 'opened' | 'closed' | 'disabled' | '';

export interface EndpointSettings {
  readonly perEndpoint: number;
  readonly perTenant: number;
  /** So long a callback is under way at most. */
  readonly leaseMs: number;
  /** An answer that takes so long is no good one. */
  readonly slowMs: number;
  /** So many failed events in a row open a circuit. */
  readonly failures: number;
  readonly disableAfterMs: number;
}

/** An endpoint whose circuit is open, as its tenant is told. */
export interface EndpointTrouble {
  readonly endpoint: string;
  readonly state: 'slow' | 'failing' | 'disabled';
  /** Unix ms; of a disabled one, since when it is that. */
  readonly since: number;
  readonly lastFailure: { readonly code: string; readonly at: number };
  /** Events that failed or took the slow lane, and are still to be delivered. */
  readonly waiting: number;
}

/** More of a tenant's endpoints are not remembered, nor more of its waiting events counted. */
const MOST_ENDPOINTS = 100;
const MOST_COUNTED = 1_000;
/** Longer than the longest wait between two tries, with a Retry-After of a day. */
const COUNTED_MS = 2 * 24 * 3_600_000;
/** The pace of a line while none of its callbacks has ended. */
const GUESS_MS = 100;
/** The longest wait in line; a longer line is looked at again by then, at different times. */
const LONGEST_WAIT_MS: Readonly<Record<CallbackLane, number>> = { fast: 60_000, slow: 600_000 };

const Answer = z.tuple([z.enum(['go', 'wait', 'fast', 'slow', 'disabled']), z.number()]);
const News = z.enum(['opened', 'closed', 'disabled', '']);

const read = (name: string): string =>
  readFileSync(new URL(`./endpoint-${name}.lua`, import.meta.url), 'utf8');
const script = (name: string) => ({ lua: `${read('fields')}\n${read(name)}` });

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkEndpointTake(keyCount: number, ...args: (string | number)[]): Result<unknown, Context>;
    catwalkEndpointReport(keyCount: number, ...args: (string | number)[]): Result<unknown, Context>;
    catwalkEndpointList(keyCount: number, ...args: (string | number)[]): Result<unknown, Context>;
  }
}

export function createEndpoints(options: {
  redis: Redis;
  keys: Keys;
  settings: EndpointSettings;
  now: () => number;
}): Endpoints {
  const { redis, keys, settings, now } = options;
  redis.defineCommand('catwalkEndpointTake', script('take'));
  redis.defineCommand('catwalkEndpointReport', script('report'));

  const keysFor = ({ tenant, lane }: EndpointCall): string[] => [
    keys.endpoints(tenant),
    keys.endpointsWaitedFor(tenant),
    keys.callbacksUnderWay(lane, tenant),
    keys.callbackLines(lane, tenant),
  ];

  return {
    async take(call, stays) {
      const name = randomUUID();
      const longestMs = LONGEST_WAIT_MS[call.lane];
      const [kind, waitMs] = Answer.parse(
        await redis.catwalkEndpointTake(
          4,
          ...keysFor(call),
          ...[now(), call.endpoint, call.event, call.lane, stays ? '1' : '', name],
          ...[settings.leaseMs, settings.perEndpoint, settings.perTenant],
          ...[GUESS_MS, longestMs, COUNTED_MS, MOST_COUNTED],
        ),
      );
      if (kind === 'go') return { kind, try: name };
      if (kind !== 'wait') return { kind };
      const isEndOfLine = waitMs >= longestMs;
      return { kind, forMs: isEndOfLine ? longestMs * (0.5 + 0.5 * Math.random()) : waitMs };
    },

    async report(call, place, { result, code, isOver, tookMs }) {
      return News.parse(
        await redis.catwalkEndpointReport(
          4,
          ...keysFor(call),
          ...[now(), call.endpoint, call.event, place.try, result, code, isOver ? '1' : ''],
          ...[Math.max(0, Math.round(tookMs)), settings.slowMs, settings.failures],
          ...[settings.disableAfterMs, MOST_ENDPOINTS, COUNTED_MS, MOST_COUNTED],
        ),
      );
    },
  };
}

const Listed = z.array(z.tuple([z.string(), z.string()]));
const Trouble = z.object({
  since: z.number(),
  failed_at: z.number(),
  code: z.string(),
  slow: z.boolean(),
  open: z.boolean(),
  disabled_at: z.number(),
});

/** The endpoints of a tenant whose callbacks do not take the usual way; the longest first. */
export async function endpointsInTrouble(
  { redis, keys, now }: { redis: Redis; keys: Keys; now: () => number },
  tenant: string,
): Promise<EndpointTrouble[]> {
  redis.defineCommand('catwalkEndpointList', { ...script('list'), readOnly: true });
  const [listed, waiting] = await Promise.all([
    redis.catwalkEndpointList(1, keys.endpoints(tenant), now()),
    redis.zrangebyscore(keys.endpointsWaitedFor(tenant), now(), '+inf'),
  ]);
  return Listed.parse(listed)
    .map(([endpoint, json]) => ({ endpoint, trouble: Trouble.parse(JSON.parse(json)) }))
    .filter(({ trouble }) => trouble.open)
    .map(({ endpoint, trouble }) => ({
      endpoint,
      state: stateOf(trouble),
      since: trouble.disabled_at || trouble.since,
      lastFailure: { code: trouble.code, at: trouble.failed_at },
      waiting: waiting.filter((one) => one.startsWith(`${endpoint} `)).length,
    }))
    .sort((a, b) => a.since - b.since);
}

function stateOf({ slow, disabled_at }: z.infer<typeof Trouble>): EndpointTrouble['state'] {
  if (disabled_at > 0) return 'disabled';
  return slow ? 'slow' : 'failing';
}

/**
 * Forgets an endpoint's trouble: the next callback to it takes the usual way.
 * @returns false when there was nothing to forget.
 */
export async function enableEndpoint(
  { redis, keys }: { redis: Redis; keys: Keys },
  tenant: string,
  endpoint: string,
): Promise<boolean> {
  return (await redis.hdel(keys.endpoints(tenant), endpoint)) > 0;
}
