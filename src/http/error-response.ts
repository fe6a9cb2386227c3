import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { Logger } from '../config/log.ts';
import {
  InvalidRequest,
  NoRoom,
  NotKnownHere,
  type Problem,
  Retryable,
  TooMany,
} from '../generation/errors.ts';
import { loggedPath } from './request-log.ts';
import { Unavailable } from './unavailable.ts';

/** An answer with a status of its own, for what is not the shape of a request. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  /** For the `Retry-After` header. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  idempotency_conflict: 409,
  metadata_too_large: 413,
  generation_no_longer_kept: 410,
};

const CODE_BY_BODY_ERROR: Readonly<Record<string, string>> = {
  'entity.too.large': 'body_too_large',
  'entity.parse.failed': 'malformed_json',
  'encoding.unsupported': 'unsupported_encoding',
  'charset.unsupported': 'unsupported_charset',
};

const RETRY_AFTER_S = 2;
/** What passes: Redis cannot be used, a signature's keys cannot be had, newer code wrote the record. */
const PASSING = [Unavailable, Retryable, NotKnownHere];
const TRY_AGAIN = 'Catwalk cannot take anything right now. Try again.';

/** Answers `application/problem+json` (RFC 9457) with a stable `code`. */
export function sendProblem(
  response: Response,
  status: number,
  problem: { code: string; detail: string; errors?: readonly Problem[]; limit?: TooMany['limit'] },
): void {
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: `urn:catwalk:error:${problem.code}`, status, ...problem }));
}

/** Errors → status and code. The only place that decides either. */
export function errorResponse(log: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request, response, _next) => {
    if (response.headersSent) {
      request.socket.destroy();
      return;
    }
    if (error instanceof InvalidRequest) {
      const status = STATUS_BY_CODE[error.code] ?? 400;
      const { code, message: detail, problems: errors } = error;
      sendProblem(response, status, { code, detail, errors });
    } else if (error instanceof HttpError) {
      const { retryAfterSeconds } = error;
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
      sendProblem(response, error.status, { code: error.code, detail: error.message });
    } else if (error instanceof NoRoom) {
      response.setHeader('retry-after', Math.ceil(error.retryAfterMs / 1000));
      sendProblem(response, 503, { code: error.code, detail: error.message });
    } else if (error instanceof TooMany) {
      response.setHeader('retry-after', Math.ceil(error.retryAfterMs / 1000));
      sendProblem(response, 429, { code: error.code, detail: error.message, limit: error.limit });
    } else if (PASSING.some((kind) => error instanceof kind)) {
      const level = error instanceof Unavailable && error.needsSomebody ? 'error' : 'warn';
      log[level]({ path: loggedPath(request.path), err: error }, 'unavailable');
      response.setHeader('retry-after', RETRY_AFTER_S);
      sendProblem(response, 503, { code: 'temporarily_unavailable', detail: TRY_AGAIN });
    } else if (isRequestError(error)) {
      const code = CODE_BY_BODY_ERROR[error.type ?? ''] ?? 'bad_request';
      sendProblem(response, error.status, { code, detail: bodyAdvice(code, error) });
    } else {
      log.error({ path: loggedPath(request.path), err: error }, 'request failed');
      const detail = 'Something went wrong on our side. It has been logged.';
      sendProblem(response, 500, { code: 'internal_error', detail });
    }
  };
}

export const notFound: RequestHandler = (request) => {
  throw new HttpError(404, 'not_found', `Nothing answers ${request.method} at this path.`);
};

interface RequestError {
  status: number;
  type?: string;
  limit?: number;
}

/** What Express throws about a request: a body it cannot read, a path it cannot decode. */
function isRequestError(error: unknown): error is RequestError {
  if (!(error instanceof Error) || !('status' in error)) return false;
  return Number(error.status) >= 400 && Number(error.status) < 500;
}

function bodyAdvice(code: string, error: RequestError): string {
  if (code === 'body_too_large')
    return `The body is larger than ${error.limit ?? 'allowed'} bytes.`;
  if (code === 'malformed_json') return 'The body is not valid JSON.';
  if (code === 'bad_request') return 'The request cannot be read: its path or its body is damaged.';
  return 'The body cannot be read. Send it uncompressed, as UTF-8.';
}
