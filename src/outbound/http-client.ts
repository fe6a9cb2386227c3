import { Agent, type Dispatcher } from 'undici';
import type { CallKind, HttpAnswer } from './http-answer.ts';
import { type CallLimits, makeCall } from './http-call.ts';
import type { HttpRequest, UsualHeaders } from './http-request.ts';

/**
 * Calls to other people's servers: one deadline for the whole call, a limit on what is read, no
 * redirects, and failures that arrive classified. What a failure means depends on the call: what
 * is `safe-to-retry` may be repeated freely; a `submit` pays, so it may be repeated only when not
 * one byte of it can have reached the provider. Messages name the method and the origin, never more
 * of the URL.
 */
export { AnswerTooLarge } from './call-failure.ts';
export type { CallKind, HttpAnswer } from './http-answer.ts';
export type { HttpRequest } from './http-request.ts';

export interface HttpClient {
  /**
   * @throws Retryable: for a `submit`, certainly not sent; for another call, no answer was to be had.
   *   OutcomeUnknown: a `submit` that left, or may have left, without a whole answer.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /**
   * Waits for calls under way, then closes the client's own connections; a dispatcher passed in
   * stays open. A second call waits for the first.
   */
  close(): Promise<void>;
}

export interface HttpClientOptions extends CallLimits, UsualHeaders {
  /** Used for every call instead of the client's own agents, for instance an outbound agent. */
  readonly dispatcher?: Dispatcher | undefined;
}

/** A server that takes longer to accept a connection is as good as down. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * A server may close an idle connection at the moment we write into it, and then nobody can say
 * whether the request was read. Servers keep connections for seconds (Node 5 s, nginx 75 s), so a
 * submission takes only a connection used within the last second: reuse while there is traffic, a
 * fresh one otherwise. Reads may be repeated and so keep theirs longer.
 */
const SUBMIT_KEEP_ALIVE_MS = 1_000;

/** A client with its own keep-alive connections: one set for submissions, one for what may be retried. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const given = options.dispatcher;
  const connect = { timeout: CONNECT_TIMEOUT_MS };
  const dispatchers: Record<CallKind, Dispatcher> = given
    ? { submit: given, 'safe-to-retry': given }
    : { submit: submitAgent(connect), 'safe-to-retry': new Agent({ connect }) };
  let closed: Promise<unknown> | undefined;
  return {
    request: (request) => makeCall(dispatchers[request.kind], request, options),
    close: async () => {
      if (given) return;
      closed ??= Promise.all([dispatchers.submit.close(), dispatchers['safe-to-retry'].close()]);
      await closed;
    },
  };
}

function submitAgent(connect: { timeout: number }): Agent {
  return new Agent({
    connect,
    keepAliveTimeout: SUBMIT_KEEP_ALIVE_MS,
    keepAliveMaxTimeout: SUBMIT_KEEP_ALIVE_MS,
  });
}
