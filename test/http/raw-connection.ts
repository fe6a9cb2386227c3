import { once } from 'node:events';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';

/** A connection that sends exactly what it is told, and keeps what it hears. */
export async function openRaw(url: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => {
    socket.destroy();
  });
  let heard = '';
  socket.setEncoding('latin1').on('data', (text) => {
    heard += text;
  });
  // A reset is an end like any other here.
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(heard)));
  await once(socket, 'connect');
  return {
    socket,
    send: (text: string | Buffer) => socket.write(text),
    /** What had been heard when the other side ended it. */
    closed,
    /** The status of the first answer, once it is there. */
    async status(): Promise<number> {
      while (!heard.includes('\r\n')) {
        const more = await Promise.race([once(socket, 'data'), closed.then(() => undefined)]);
        if (!more && !heard.includes('\r\n')) throw new Error('closed without an answer');
      }
      return Number(heard.split(' ')[1]);
    },
    heard: () => heard,
  };
}

/** The head of a request, with the empty line after it. */
export function head(
  line: string,
  headers: Readonly<Record<string, string | number | readonly string[]>> = {},
): string {
  const lines = Object.entries({ host: 'catwalk.test', ...headers }).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}`),
  );
  return `${[`${line} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}
