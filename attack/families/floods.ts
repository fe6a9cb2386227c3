import { connect, type Socket } from 'node:net';
import { type Attempt, type Family, judge } from '../attempt.ts';
import { asMallory, type World } from '../world.ts';

/** Many connections at once. Whoever has business is still answered. */
export const floods: Family = {
  name: 'floods',
  share: 60,
  least: 60,
  atOnce: 120,
  fitsNaive: true,
  make(world, chance, index) {
    if (index % 1_000 === 0) return crowd(world);
    const kind = chance.below(4);
    const key = world.target.malloryKey;
    if (kind === 0) {
      return world.shot('a request like any other, in the flood', [200], {
        method: 'GET',
        path: '/v1/models',
        headers: asMallory(world.target),
      });
    }
    const [what, allowed, parts] = chance.pick([
      ['a connection that is closed at once', [], []],
      [
        'a probe and a close',
        [200],
        ['GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
      ],
      [
        'a key that is none',
        [401],
        [
          `GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${chance.word(30)}\r\nConnection: close\r\n\r\n`,
        ],
      ],
      [
        'the catalogue and a close',
        [200],
        [
          `GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`,
        ],
      ],
    ] as const);
    const endsWriting = parts.length === 0;
    return world.rawShot(what, allowed, { parts, endsWriting, withinMs: 12_000 });
  },
};

/** As many as leave room below MAX_CONNECTIONS (1,000) for everybody else of this run. */
const CROWD = 700;
const CROWDED_MS = 1_500;

/**
 * So many come, say nothing and stay; whoever has business then is answered all the same. Once in
 * each order at most, for two crowds are more than the limit.
 */
function crowd(world: World): Attempt {
  return {
    what: `${CROWD} connections that say nothing`,
    async run() {
      const { port, isRedisAway } = world.target;
      const sockets = Array.from({ length: CROWD }, () => connect(port, '127.0.0.1'));
      await Promise.all(sockets.map(settled));
      await new Promise((resolve) => setTimeout(resolve, CROWDED_MS));
      const parts = ['GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'];
      const answer = await world.talk({ parts, withinMs: 12_000 });
      for (const socket of sockets) socket.destroy();
      const isServed = answer.statuses.length > 0 || answer.isSilent;
      if (!isServed) return { kind: 'otherwise', detail: 'closed without an answer' };
      return judge(answer, [200], isRedisAway);
    },
  };
}

function settled(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('connect', resolve);
    socket.on('error', () => resolve());
  });
}
