import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { OutcomeUnknown, Retryable } from '../generation/errors.ts';
import { parseJson } from './bounded-json.ts';

/** What a failure means depends on it: what is safe to retry may be repeated freely; a `submit` pays. */
export type CallKind = 'submit' | 'safe-to-retry';

/** Any answer with a status, good or bad: what a status means is for the adapter to say. */
export interface HttpAnswer {
  readonly kind: CallKind;
  /** `POST https://api.example.com`, for messages. */
  readonly call: string;
  readonly status: number;
  readonly ok: boolean;
  readonly headers: IncomingHttpHeaders;
  /** The exact bytes; of a refusal perhaps only the first ones. */
  readonly body: Buffer;
  text(): string;
  /** @throws OutcomeUnknown (submit) or Retryable (safe to retry) when the body is not JSON. */
  json(): unknown;
  /** The body in the shape that is needed. @throws as `json` does, when it has another. */
  read<T>(schema: z.ZodType<T>): T;
  /** The body if it has that shape. For refusals, which may be an edge proxy's HTML. */
  peek<T>(schema: z.ZodType<T>): T | undefined;
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** Of a header that came twice the first, as with Node's own client; undici gives a list. */
export function firstOfEach(headers: Record<string, string | string[] | undefined>) {
  const single: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    // Cookies are a list by their type, and nobody here reads them.
    if (name !== 'set-cookie') single[name] = Array.isArray(value) ? value[0] : value;
  }
  return single;
}

export function isOk(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Although identity was asked for. */
function isCompressed(headers: IncomingHttpHeaders): boolean {
  return !/^(identity)?$/i.test(headers['content-encoding']?.trim() ?? '');
}

/** @param call as in `HttpAnswer`. */
export function answerOf(
  kind: CallKind,
  call: string,
  { status, headers }: AnswerHead,
  body: Buffer,
): HttpAnswer {
  const unreadable = (what: string, cause?: unknown) => {
    const message = `${call}: answered ${status}, but the body is not ${what}`;
    const details = { cause, met: `http_${status}` } as const;
    return kind === 'submit'
      ? new OutcomeUnknown('unreadable_answer', message, details)
      : new Retryable('unavailable', message, details);
  };
  const text = () => body.toString('utf8');
  const json = (): unknown => {
    try {
      return parseJson(text());
    } catch (error) {
      const why = isCompressed(headers) ? ': it is compressed' : '';
      throw unreadable(`JSON that is taken${why}`, error);
    }
  };
  return {
    kind,
    call,
    status,
    ok: isOk(status),
    headers,
    body,
    text,
    json,
    read: (schema) => {
      const parsed = schema.safeParse(json());
      if (parsed.success) return parsed.data;
      throw unreadable('what the provider documents', parsed.error);
    },
    peek: (schema) => {
      try {
        return schema.safeParse(parseJson(text())).data;
      } catch {
        return undefined;
      }
    },
  };
}
