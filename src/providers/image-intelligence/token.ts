import type { HttpAnswer, HttpClient, HttpRequest } from '../../outbound/http-client.ts';
import { type AccessToken, type AccessTokens, createAccessTokens } from '../access-token.ts';
import { startDeadline } from '../deadline.ts';
import { deferral, refusal } from '../refusal.ts';
import { providerUrl } from '../wire-values.ts';
import { Token } from './wire.ts';

/** Until the operator has mended the credentials, about once a minute. */
const OPERATOR_RETRY_MS = 60_000;

/** A call with whatever token is good, and once more with a new one when that is refused. */
export type AuthorizedCall = (request: HttpRequest) => Promise<HttpAnswer>;

/**
 * Calls under an OAuth token that lives 24 hours (reference page of `/oauth/token`, read
 * 2026-11-20). A 401 means that nothing was done, so a submission is repeated after it too.
 * @param options.timeoutMs for one call with its tokens and its repeat, all together.
 */
export function authorizedCalls(options: {
  http: HttpClient;
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  timeoutMs?: number | undefined;
}): AuthorizedCall {
  const { http, baseUrl, clientId, clientSecret, timeoutMs } = options;

  async function request(): Promise<AccessToken> {
    const answer = await http.request({
      kind: 'safe-to-retry',
      method: 'POST',
      url: providerUrl(baseUrl, '/v2/oauth/token'),
      json: { clientId, clientSecret },
    });
    // ASSUMPTION: wrong credentials may also be called a malformed request.
    if (answer.status === 400) throw deferral(answer, 'unauthorized', OPERATOR_RETRY_MS);
    if (!answer.ok) throw refusal(answer);
    const { accessToken, expiresAt, issuedAt } = answer.read(Token);
    // Only the difference: the provider's clock need not agree with ours.
    return { value: accessToken, expiresAt: Date.now() + (expiresAt - issuedAt) };
  }

  const tokens: AccessTokens = createAccessTokens({ request, now: Date.now });

  return async (call) => {
    // One for the whole chain: up to two tokens and two sends must not take longer than one call may.
    const { signal, before } = startDeadline(timeoutMs);
    const send = (token: string) => {
      const headers = { ...call.headers, authorization: `Bearer ${token}` };
      return http.request({ ...call, headers, signal });
    };
    const token = await before(tokens.current());
    const answer = await send(token);
    return answer.status === 401 ? send(await before(tokens.insteadOf(token))) : answer;
  };
}
