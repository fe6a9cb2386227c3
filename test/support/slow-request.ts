import { once } from 'node:events';
import { request } from 'node:http';

export interface SlowRequest {
  /** Sends the rest, and resolves with the status of the answer. */
  finish(): Promise<number>;
  /** Resolves when the connection ended without an answer. */
  readonly cutOff: Promise<unknown>;
}

/** Resolves when the server waits for the body of this request, of which a part has been sent. */
export async function startSlowRequest(
  url: string,
  sent: { headers: Readonly<Record<string, string>>; body: string },
): Promise<SlowRequest> {
  const { headers, body } = sent;
  const half = Math.floor(body.length / 2);
  const length = String(Buffer.byteLength(body));
  const slow = request(url, {
    method: 'POST',
    // The server's go-ahead shows that it has the request.
    headers: { ...headers, 'content-length': length, expect: '100-continue' },
  });
  slow.flushHeaders();
  await once(slow, 'continue');
  slow.write(body.slice(0, half));
  const cutOff = once(slow, 'error');
  cutOff.catch(() => undefined);
  return {
    cutOff,
    finish: async () => {
      const answered = once(slow, 'response');
      slow.end(body.slice(half));
      const [response] = await answered;
      response.resume();
      return response.statusCode;
    },
  };
}
