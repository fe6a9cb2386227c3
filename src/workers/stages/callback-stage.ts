import type { Dispatcher } from 'undici';
import { CALLBACK_TIMEOUT_MS } from '../../config/callback-variables.ts';
import { queueNames } from '../../config/queues.ts';
import { SUBSCRIBER_JOB_VERSIONS, SubscriberJob } from '../../generation/jobs.ts';
import { createHttpClient } from '../../outbound/http-client.ts';
import { userAgentOf } from '../../outbound/user-agent.ts';
import { type CallbackLane, createEndpoints } from '../../store/endpoints.ts';
import { CALLBACK, SLOW_CALLBACK } from '../../store/subscribers.ts';
import type { Stage } from '../engine/stage.ts';
import type { WorkerParts } from '../parts.ts';
import { createCallback } from './callback.ts';
import { createCallbackLane } from './callback-lane.ts';
import { longest } from './longest.ts';

/** Nothing of an answer is read but its status. */
const MAX_ANSWER_BYTES = 16 * 1024;
/** Between a call's end and the report of it. */
const LEASE_MARGIN_MS = 10_000;

/**
 * Posts the callbacks of one lane. The slow one has half of the fast one's places for an endpoint
 * and a tenant, and they are its own: what waits there takes nothing from what is well.
 * @param dispatcher refuses private addresses where the settings do.
 */
export function callbackStage(
  lane: CallbackLane,
  parts: WorkerParts,
  dispatcher: Dispatcher,
): Stage<SubscriberJob> {
  const { settings, redis, keys, shutdownSignal, now } = parts;
  const isFast = lane === 'fast';
  const slowMs = settings.CALLBACK_FAST_TIMEOUT_MS;
  const timeoutMs = isFast ? slowMs : CALLBACK_TIMEOUT_MS;
  const share = (places: number): number => (isFast ? places : Math.ceil(places / 2));
  const http = createHttpClient({
    dispatcher,
    timeoutMs,
    maxBodyBytes: MAX_ANSWER_BYTES,
    signal: shutdownSignal,
    userAgent: userAgentOf(settings),
    accept: '*/*',
  });
  const endpoints = createEndpoints({
    ...{ redis, keys, now },
    settings: {
      perEndpoint: share(settings.CALLBACKS_PER_HOST),
      perTenant: share(settings.CALLBACKS_PER_TENANT),
      leaseMs: timeoutMs + LEASE_MARGIN_MS,
      slowMs,
      failures: settings.CALLBACK_FAILURES,
      disableAfterMs: settings.CALLBACK_DISABLE_AFTER_MS,
    },
  });
  const deliver = createCallback({ http, secrets: settings.CATWALK_SECRET, now });
  const run = createCallbackLane({ ...parts, lane, deliver, endpoints, slowMs });
  return {
    queue: queueNames.subscriber(isFast ? CALLBACK : SLOW_CALLBACK),
    payload: SubscriberJob,
    versions: SUBSCRIBER_JOB_VERSIONS,
    process: (job, _name, tries) => run(job, tries),
    concurrency: isFast ? settings.CALLBACK_CONCURRENCY : settings.CALLBACK_SLOW_CONCURRENCY,
    longestMs: longest.callbackMs(timeoutMs),
    waitsForRedis: true,
  };
}
