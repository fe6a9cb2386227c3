import type { Dispatcher, FormData } from 'undici';
import type { CallKind } from './http-answer.ts';
import { userAgentOf } from './user-agent.ts';

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

/** Headers that go with every request. */
export interface UsualHeaders {
  /** Default: the product and its version. */
  readonly userAgent?: string | undefined;
  /** Which answers are of use. Default: JSON. */
  readonly accept?: string | undefined;
}

/** The request as undici sends it, without time limits of its own: the call's one deadline replaces them. */
export function dispatchOptions(
  url: URL,
  request: HttpRequest,
  { userAgent = userAgentOf(), accept = 'application/json' }: UsualHeaders,
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
