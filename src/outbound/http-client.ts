import { Agent, type Dispatcher, type FormData } from 'undici';
import {
  type CallTrouble,
  CatwalkError,
  Defect,
  OutcomeUnknown,
  Retryable,
} from '../generation/errors.ts';
import { gatherBytes } from './gathered-bytes.ts';
import {
  type AnswerHead,
  answerOf,
  type CallKind,
  firstOfEach,
  type HttpAnswer,
  isOk,
} from './http-answer.ts';
import { letEnd, type UnheardBody } from './unheard-body.ts';
import { userAgentOf } from './user-agent.ts';

/**
 * Calls to other people's servers: one deadline for the whole call, a limit on what is read, no
 * redirects, and failures that arrive classified. What a failure means depends on the call: a
 * `read` may be repeated freely; a `submit` pays, so it may be repeated only when not one byte of it
 * can have reached the provider. Messages name the method and the origin, never more of the URL.
 */
export type { CallKind, HttpAnswer } from './http-answer.ts';

export type HttpRequest = RequestHead & RequestBody;

/** JSON, or anything else, or nothing: never two. */
type RequestBody =
  /** Sent as `application/json`. */
  | { readonly json: unknown; readonly body?: never }
  /** For multipart, a `FormData`. */
  | { readonly body: string | Buffer | FormData; readonly json?: never }
  | { readonly json?: never; readonly body?: never };

interface RequestHead {
  readonly kind: CallKind;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  /** Besides the client's own User-Agent, Accept and Accept-Encoding; one of the same name replaces it. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Gives the call up, just as its deadline does. */
  readonly signal?: AbortSignal | undefined;
  /**
   * `status`: the call is over when status and headers have come. Whatever body follows is not
   * waited for and counts for nothing; the answer's is empty. Default `whole`.
   */
  readonly answer?: 'whole' | 'status' | undefined;
}

export interface HttpClient {
  /**
   * @throws Retryable: for a `submit`, certainly not sent; for a `read`, no answer was to be had.
   *   OutcomeUnknown: a `submit` that left, or may have left, without a whole answer.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /**
   * Waits for calls under way, then closes the client's own connections; a dispatcher passed in
   * stays open. A second call waits for the first.
   */
  close(): Promise<void>;
}

export interface HttpClientOptions {
  /** Used for every call instead of the client's own agents, for instance an outbound agent. */
  readonly dispatcher?: Dispatcher | undefined;
  /** For the whole call: connecting, sending, waiting, and the last byte of the body. */
  readonly timeoutMs: number;
  /** Nothing longer is read: not for an answer, nor to its end where only the status is wanted. */
  readonly maxBodyBytes: number;
  /** Gives up every call under way, and every later one before it is sent. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the product and its version. */
  readonly userAgent?: string | undefined;
  /** Which answers are of use. Default: JSON. */
  readonly accept?: string | undefined;
}

/** Cause of the error for an answer with more bytes than are read. */
export class AnswerTooLarge extends Error {}

class DeadlinePassed extends Error {}

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
    request: async (request) => call(dispatchers[request.kind], request, options),
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

/**
 * One call, on undici's `dispatch` rather than its `request`, because only `dispatch` says when a
 * request is about to be written to a connected socket. Before that moment every failure (name,
 * route, refusal, TLS, deadline) is certainly without effect; after it none is.
 */
function call(
  dispatcher: Dispatcher,
  request: HttpRequest,
  options: HttpClientOptions,
): Promise<HttpAnswer> {
  const { timeoutMs, maxBodyBytes, signal } = options;
  // The parser's own error would carry the URL into the log.
  if (!URL.canParse(request.url)) throw new Defect('A call needs a complete URL');
  const url = new URL(request.url);
  const name = `${request.method} ${url.origin}`;
  const signals = [request.signal, signal].filter((given) => given !== undefined);

  return new Promise((resolve, reject) => {
    let started = false;
    let controller: Dispatcher.DispatchController | undefined;
    let head: AnswerHead | undefined;
    const body = gatherBytes(maxBodyBytes);
    let over = false;
    let unheard: UnheardBody | undefined;

    const finish = (failure?: Error) => {
      if (over) return;
      over = true;
      clearTimeout(deadline);
      for (const given of signals) given.removeEventListener('abort', onAbort);
      // A refusal stands whatever became of its body: the status line said it.
      if (head && (!failure || !isOk(head.status))) {
        resolve(answerOf(request.kind, name, head, body.bytes()));
      } else {
        reject(lost(request.kind, name, started, failure));
      }
      if (failure) controller?.abort(failure);
    };
    const onAbort = () => finish(new Error('given up by the caller'));
    const deadline = setTimeout(
      () => finish(new DeadlinePassed(`no whole answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    for (const given of signals) given.addEventListener('abort', onAbort, { once: true });
    if (signals.some((given) => given.aborted)) return onAbort();

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(given) {
        // Given up while it waited for a connection, or about to be written a second time: stop it.
        if (over || (started && request.kind === 'submit')) {
          given.abort(new Error('not to be sent'));
          return;
        }
        started = true;
        controller = given;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200 || over) return;
        head = { status, headers: firstOfEach(headers) };
        if (request.answer !== 'status') return;
        finish();
        unheard = letEnd(controller, maxBodyBytes);
      },
      onResponseData(_controller, chunk) {
        unheard?.add(chunk.length);
        if (over) return;
        if (body.size + chunk.length > maxBodyBytes)
          finish(new AnswerTooLarge(`the answer exceeds ${maxBodyBytes} bytes`));
        else body.add(chunk);
      },
      onResponseEnd: () => {
        unheard?.ended();
        finish();
      },
      onResponseError: (_controller, error) => {
        unheard?.ended();
        finish(error);
      },
    };
    try {
      dispatcher.dispatch(dispatchOptions(url, request, options), handler);
    } catch (error) {
      finish(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function dispatchOptions(
  url: URL,
  request: HttpRequest,
  { userAgent = userAgentOf(), accept = 'application/json' }: HttpClientOptions,
): Dispatcher.DispatchOptions {
  const json = request.json === undefined ? undefined : JSON.stringify(request.json);
  const usual = {
    'user-agent': userAgent,
    accept,
    // Who names no encoding may be sent any (RFC 9110, 12.5.3), and nothing here inflates.
    'accept-encoding': 'identity',
    ...(json !== undefined && { 'content-type': 'application/json' }),
  };
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: withOwn(usual, request.headers),
    body: json ?? request.body ?? null,
    // The one deadline above replaces undici's.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
}

/** The usual headers, except those that the call has of its own, however they are spelt. */
function withOwn(usual: Record<string, string>, own: HttpRequest['headers'] = {}) {
  const named = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const rest = Object.entries(usual).filter(([name]) => !named.has(name));
  return { ...Object.fromEntries(rest), ...own };
}

function lost(kind: CallKind, name: string, started: boolean, failure?: Error): CatwalkError {
  // Our own verdict from deeper down, such as the outbound agent's on a private address.
  if (failure instanceof CatwalkError) return failure;
  const why = failure === undefined ? 'the connection ended' : reasonOf(failure);
  const details = { cause: failure, met: troubleOf(failure) };
  if (kind === 'submit' && started) {
    return new OutcomeUnknown('no_answer', `${name}: sent, but ${why}`, details);
  }
  return new Retryable('unavailable', `${name}: ${why}`, details);
}

/** Undefined for an end that is nobody's trouble but ours: given up, or more bytes than are read. */
function troubleOf(failure: Error | undefined): CallTrouble | undefined {
  if (failure instanceof DeadlinePassed) return 'timeout';
  const isConnection = failure === undefined || systemCodeOf(failure) !== undefined;
  return isConnection ? 'unreachable' : undefined;
}

/** A system error's code says it all and, unlike its message, holds nothing of the URL. */
function reasonOf(failure: Error): string {
  return systemCodeOf(failure) ?? failure.message;
}

function systemCodeOf(failure: Error): string | undefined {
  return 'code' in failure && typeof failure.code === 'string' ? failure.code : undefined;
}
