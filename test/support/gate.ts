import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLatch } from './latch.ts';

/** What is held back: a request before the provider gets it, or its answer after it was given. */
type HeldPart = 'request' | 'answer';

interface Held {
  /** Resolves when the first one is held. */
  readonly reached: Promise<void>;
  /** Lets all go on, and holds no more. */
  release(): void;
}

/** A provider's address in front of a simulated provider, where calls can be held for any time. */
export interface Gate {
  readonly url: string;
  /** Holds every call from now on whose method and path `matches`, such as `POST /fashn/v1/run`. */
  hold(matches: RegExp, part: HeldPart): Held;
  close(): Promise<void>;
}

interface Hold {
  readonly matches: RegExp;
  readonly part: HeldPart;
  readonly reach: () => void;
  readonly released: Promise<void>;
}

/** @param target the simulator's own address. */
export async function startGate(target: string): Promise<Gate> {
  let holds: Hold[] = [];
  const passed = async (call: string, part: HeldPart): Promise<void> => {
    const held = holds.find((hold) => hold.part === part && hold.matches.test(call));
    held?.reach();
    await held?.released;
  };
  const server = createServer(async (incoming, outgoing) => {
    const call = `${incoming.method} ${incoming.url}`;
    await passed(call, 'request');
    // Nobody is left who would hear the answer, and a request that never left is never sent.
    if (outgoing.destroyed) return;
    forward(target, incoming, outgoing, () => passed(call, 'answer'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a listening TCP server's

  return {
    url: `http://127.0.0.1:${port}`,
    hold(matches, part) {
      const reached = createLatch();
      const released = createLatch();
      const hold = { matches, part, reach: reached.open, released: released.opened };
      holds.push(hold);
      return {
        reached: reached.opened,
        release: () => {
          holds = holds.filter((other) => other !== hold);
          released.open();
        },
      };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function forward(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  mayAnswer: () => Promise<void>,
): void {
  const { method, headers, url } = incoming;
  const onward = request(target + url, { method, headers }, async (answer) => {
    await mayAnswer();
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
