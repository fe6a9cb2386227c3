import { createLatch } from './latch.ts';
import { loopbackServer } from './loopback-server.ts';

/** The way to the simulator, on which the answers to submissions wait until they are let through. */
export async function startSlowWay() {
  let origin = '';
  const answers = createLatch();
  const server = await loopbackServer(
    async ({ method, url, headers, body }, _request, response) => {
      const { authorization = '', 'content-type': type = 'application/json' } = headers;
      const isSubmission = method === 'POST';
      const answer = await fetch(origin + url, {
        method,
        headers: { authorization, 'content-type': type },
        ...(isSubmission && { body }),
      });
      const text = await answer.text();
      if (isSubmission) await answers.opened;
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
    },
  );
  return {
    url: server.url,
    close: server.close,
    leadTo: (simulatorUrl: string) => {
      origin = simulatorUrl;
    },
    letAnswersThrough: answers.open,
  };
}
