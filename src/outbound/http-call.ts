import type { Dispatcher } from 'undici';
import { Defect } from '../generation/errors.ts';
import { AnswerTooLarge, callError } from './call-failure.ts';
import { type GatheredBytes, gatherBytes } from './gathered-bytes.ts';
import { givenUpByCaller, giveUpWhen } from './give-up.ts';
import {
  type AnswerHead,
  answerOf,
  type CallKind,
  firstOfEach,
  type HttpAnswer,
  isOk,
} from './http-answer.ts';
import { dispatchOptions, type HttpRequest, type UsualHeaders } from './http-request.ts';
import { letEnd, type UnheardBody } from './unheard-body.ts';

/** How long a call may take, and how much of its answer is read. */
export interface CallLimits {
  /** For the whole call: connecting, sending, waiting, and the last byte of the body. */
  readonly timeoutMs: number;
  /** Nothing longer is read: not for an answer, nor to its end where only the status is wanted. */
  readonly maxBodyBytes: number;
  /** Gives up every call under way, and every later one before it is sent. */
  readonly signal?: AbortSignal | undefined;
}

/** A call under way, and what has come of it so far. */
interface Call {
  readonly kind: CallKind;
  /** Method and origin, for messages. */
  readonly name: string;
  readonly wanted: HttpRequest['answer'];
  readonly maxBodyBytes: number;
  readonly body: GatheredBytes;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly stopWaiting: () => void;
  /** It is about to be written to a connected socket, or was. */
  started: boolean;
  /** Its promise is settled. */
  over: boolean;
  controller?: Dispatcher.DispatchController;
  head?: AnswerHead;
  unheard?: UnheardBody;
}

/**
 * One call, on undici's `dispatch` rather than its `request`, because only `dispatch` says when a
 * request is about to be written to a connected socket. Before that moment every failure (name,
 * route, refusal, TLS, deadline) is certainly without effect; after it none is.
 * @throws as `HttpClient.request` does; Defect when the URL is not complete.
 */
export async function makeCall(
  dispatcher: Dispatcher,
  request: HttpRequest,
  options: CallLimits & UsualHeaders,
): Promise<HttpAnswer> {
  // The parser's own error would carry the URL into the log.
  if (!URL.canParse(request.url)) throw new Defect('A call needs a complete URL');
  const url = new URL(request.url);
  const { kind } = request;
  const name = `${request.method} ${url.origin}`;
  const { timeoutMs, maxBodyBytes } = options;
  const signals = [request.signal, options.signal].filter((given) => given !== undefined);
  if (signals.some(({ aborted }) => aborted)) {
    throw callError({ kind, name, started: false }, givenUpByCaller());
  }

  return new Promise((resolve, reject) => {
    const call: Call = {
      kind,
      name,
      wanted: request.answer,
      maxBodyBytes,
      body: gatherBytes(maxBodyBytes),
      resolve,
      reject,
      stopWaiting: giveUpWhen({ timeoutMs, signals }, (why) => finish(call, why)),
      started: false,
      over: false,
    };
    try {
      dispatcher.dispatch(dispatchOptions(url, request, options), handlerOf(call));
    } catch (error) {
      finish(call, error instanceof Error ? error : new Error(String(error)));
    }
  });
}

/** Settles the call, the first time; later ends of it change nothing. */
function finish(call: Call, failure?: Error): void {
  if (call.over) return;
  call.over = true;
  call.stopWaiting();
  // A refusal stands whatever became of its body: the status line said it.
  if (call.head && (!failure || !isOk(call.head.status))) {
    call.resolve(answerOf(call.kind, call.name, call.head, call.body.bytes()));
  } else {
    call.reject(callError(call, failure));
  }
  if (failure) call.controller?.abort(failure);
}

function handlerOf(call: Call): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller) => start(call, controller),
    onResponseStart: (_controller, status, headers) => {
      if (status >= 200) takeHead(call, { status, headers: firstOfEach(headers) });
    },
    onResponseData: (_controller, chunk) => takeChunk(call, chunk),
    onResponseEnd: () => {
      call.unheard?.ended();
      finish(call);
    },
    onResponseError: (_controller, error) => {
      call.unheard?.ended();
      finish(call, error);
    },
  };
}

function start(call: Call, controller: Dispatcher.DispatchController): void {
  // Given up while it waited for a connection, or about to be written a second time: stop it.
  if (call.over || (call.started && call.kind === 'submit')) {
    controller.abort(new Error('not to be sent'));
    return;
  }
  call.started = true;
  call.controller = controller;
}

function takeHead(call: Call, head: AnswerHead): void {
  if (call.over) return;
  call.head = head;
  if (call.wanted !== 'status') return;
  finish(call);
  call.unheard = letEnd(call.controller, call.maxBodyBytes);
}

function takeChunk(call: Call, chunk: Buffer): void {
  call.unheard?.add(chunk.length);
  if (call.over) return;
  if (call.body.size + chunk.length > call.maxBodyBytes) {
    finish(call, new AnswerTooLarge(`the answer exceeds ${call.maxBodyBytes} bytes`));
  } else {
    call.body.add(chunk);
  }
}
