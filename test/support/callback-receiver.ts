import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import type { CompletionEvent } from '../../src/generation/jobs.ts';

interface ReceivedCallback {
  readonly path: string;
  /** The `webhook-id` header. */
  readonly id: string;
  /** Verified with the `standardwebhooks` package; undefined when its verdict was "no". */
  readonly event: CompletionEvent | undefined;
}

/** What to answer a callback: a status, a redirect, or whatever the test writes itself. */
type CallbackAnswer =
  | number
  | { readonly redirectTo: string }
  | ((response: ServerResponse) => void);

export interface CallbackReceiver {
  readonly url: string;
  readonly received: readonly ReceivedCallback[];
  /** Given out in order; 200 when the list is used up. */
  readonly answers: CallbackAnswer[];
  close(): Promise<void>;
}

/** An app's own callback endpoint, which believes nothing but the independent package's verdict. */
export async function startCallbackReceiver(
  catwalkSecret: string,
  tenant: string,
): Promise<CallbackReceiver> {
  // As the README tells an app to make it, computed here on its own.
  const key = createHmac('sha256', catwalkSecret).update(`callback:${tenant}`).digest('base64');
  const verifier = new Webhook(`whsec_${key}`);
  const received: ReceivedCallback[] = [];
  const answers: CallbackAnswer[] = [];

  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const header = (name: string): string => String(request.headers[name] ?? '');
    const headers = {
      'webhook-id': header('webhook-id'),
      'webhook-timestamp': header('webhook-timestamp'),
      'webhook-signature': header('webhook-signature'),
    };
    let event: CompletionEvent | undefined;
    try {
      event = verifier.verify(body, headers) as CompletionEvent; // what we signed ourselves
    } catch {
      event = undefined;
    }
    received.push({ path: request.url ?? '', id: headers['webhook-id'], event });
    const answer = answers.shift() ?? 200;
    if (typeof answer === 'function') return answer(response);
    if (typeof answer === 'number') response.writeHead(answer);
    else response.writeHead(302, { location: answer.redirectTo });
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not on TCP');

  return {
    url: `http://127.0.0.1:${address.port}/callback`,
    received,
    answers,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
