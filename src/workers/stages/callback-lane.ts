import type { Logger } from '../../config/log.ts';
import { Defect, Retryable, Terminal } from '../../generation/errors.ts';
import type { SubscriberJob } from '../../generation/jobs.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { CallbackLane, CallEnd, EndpointCall, Endpoints } from '../../store/endpoints.ts';
import { deliveryBackoff } from '../engine/job-failed.ts';
import type { NotYet, Tries } from '../engine/stage.ts';

interface LaneParts {
  readonly lane: CallbackLane;
  readonly deliver: (job: SubscriberJob) => Promise<void>;
  readonly endpoints: Endpoints;
  readonly enqueue: Pick<Enqueue, 'movedCallback'>;
  /** An answer that takes so long is no good one, and the fast lane does not wait for it. */
  readonly slowMs: number;
  readonly shutdownSignal: AbortSignal;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * One lane of the callbacks. A callback that finds no place steps aside and spends no attempt; one
 * whose endpoint belongs into the other lane moves there, with its tries. What was not answered in
 * the fast lane's time moves to the slow one too, which waits longer; it may have been delivered,
 * and comes again under the same id. That happens once to an event and spends no attempt.
 * @throws what `deliver` throws; Terminal when the endpoint is disabled.
 */
export function createCallbackLane(parts: LaneParts) {
  const { lane, deliver, endpoints, now } = parts;

  return async (job: SubscriberJob, tries: Tries): Promise<NotYet | undefined> => {
    const call = callOf(job, lane);
    const place = await endpoints.take(call, job.moved?.stays ?? false);
    if (place.kind === 'wait') return { notBefore: Math.ceil(now() + place.forMs) };
    if (place.kind === 'disabled') throw disabled(call);
    if (place.kind !== 'go') return move(parts, job, tries.made, { to: place.kind });

    const startedAt = now();
    const thrown = await deliver(job).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const isLast = tries.made + 1 >= tries.most;
    const movesOver = lane === 'fast' && isTimeout(thrown?.error);
    const end = thrown
      ? endOf(thrown.error, { tookMs: now() - startedAt, isLast: isLast && !movesOver }, parts)
      : { result: 'success' as const, code: '', isOver: true, tookMs: now() - startedAt };
    await report(parts, call, place, end);
    if (!thrown) return undefined;
    if (!movesOver || parts.shutdownSignal.aborted) throw thrown.error;
    parts.log.warn(
      { ...about(call), err: thrown.error },
      'callback slow: tried again with patience',
    );
    return move(parts, job, tries.made, { to: 'slow', timedOut: true });
  };
}

function callOf({ event, callbackUrl }: SubscriberJob, lane: CallbackLane): EndpointCall {
  if (!callbackUrl) throw new Defect('A callback job without its URL.');
  // The parser's own error would carry the URL into the log.
  if (!URL.canParse(callbackUrl)) throw new Defect('A callback job with half a URL.');
  const { origin: endpoint } = new URL(callbackUrl);
  return { tenant: event.data.tenant, endpoint, event: event.id, lane };
}

async function move(
  { enqueue }: LaneParts,
  job: SubscriberJob,
  made: number,
  { to, timedOut = false }: { to: CallbackLane; timedOut?: boolean },
): Promise<undefined> {
  const tries = (job.moved?.tries ?? 0) + made;
  const delayMs = timedOut ? deliveryBackoff(tries + 1) : 0;
  const stays = timedOut || (job.moved?.stays ?? false);
  await enqueue.movedCallback(job, { lane: to, delayMs, tries, stays });
}

/** What an error says of the endpoint. A final no is about the one event, and our own trouble ours. */
function endOf(
  error: unknown,
  { tookMs, isLast }: { tookMs: number; isLast: boolean },
  { slowMs, shutdownSignal }: LaneParts,
): CallEnd {
  const isFailure = error instanceof Retryable && !shutdownSignal.aborted;
  return {
    result: isFailure ? 'failure' : 'ignored',
    code: isFailure ? (error.met ?? error.code) : '',
    isOver: error instanceof Terminal || (isFailure && isLast),
    tookMs: isTimeout(error) ? Math.max(tookMs, slowMs) : tookMs,
  };
}

/** A report that is lost is not worth calling an app again for: the place's lease ends by itself. */
async function report(
  { endpoints, log }: LaneParts,
  call: EndpointCall,
  place: { readonly try: string },
  end: CallEnd,
): Promise<void> {
  const news = await endpoints.report(call, place, end).catch((err: unknown) => {
    log.warn({ ...about(call), err }, 'an endpoint’s answer could not be noted');
    return '';
  });
  const line = { ...about(call), reason: end.code };
  if (news === 'opened') log.warn(line, 'callback endpoint in trouble: takes the slow lane');
  if (news === 'closed') log.info(line, 'callback endpoint is back');
  if (news === 'disabled') {
    log.error(line, 'alarm: callback endpoint disabled, it has only failed for too long');
  }
}

const about = ({ tenant, endpoint }: EndpointCall) => ({ tenant, endpoint });

function isTimeout(error: unknown): boolean {
  return error instanceof Retryable && error.met === 'timeout';
}

function disabled({ endpoint }: EndpointCall): Terminal {
  return new Terminal(
    'callback_disabled',
    `${endpoint} is disabled: it only failed for too long. Its tenant enables it by ` +
      'POST /v1/callbacks/enable; then redrive this job.',
  );
}
