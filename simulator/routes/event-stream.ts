import type { Response } from 'express';
import type { ServerSentEvent } from '../contract/reply.ts';

/** fal, "Stream request status": a comment line every 15 seconds keeps the connection open. */
const KEEP_ALIVE_EVERY_MS = 15_000;

/** Writes events as they come, and ends with them. Who has gone away is not written to. */
export async function sendEvents(
  response: Response,
  events: AsyncIterable<ServerSentEvent>,
): Promise<void> {
  response.status(200).type('text/event-stream').set('cache-control', 'no-store');
  response.flushHeaders();
  const keepAlive = setInterval(() => response.write(': still here\n\n'), KEEP_ALIVE_EVERY_MS);
  try {
    for await (const event of events) {
      if (response.closed) return;
      response.write(textOf(event));
    }
  } finally {
    clearInterval(keepAlive);
    response.end();
  }
}

function textOf({ event, id, data }: ServerSentEvent): string {
  const lines = data.split('\n').map((line) => `data: ${line}`);
  if (id !== undefined) lines.unshift(`id: ${id}`);
  if (event !== undefined) lines.unshift(`event: ${event}`);
  return `${lines.join('\n')}\n\n`;
}
