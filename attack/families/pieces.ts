import type { Attempt, Family } from '../attempt.ts';
import type { World } from '../world.ts';

/** As long as a request may take, and what a busy machine adds. */
const WITHIN_MS = 23_000;
const DOOR = '/webhooks/vtryon';

/** 250,000 chunks of one byte: what is kept by the piece costs hundreds of times its size. */
const SINGLE_BYTES = '1\r\nx\r\n'.repeat(250_000);
const CHUNKED = 'Host: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const POST_IN_CHUNKS = `POST ${DOOR} HTTP/1.1\r\n${CHUNKED}`;
const UNFINISHED = `POST ${DOOR} HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\nx`;
const PROBE = 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n';

/**
 * Bodies and requests cut so that whoever keeps the pieces, or the places that were set aside for
 * them, runs out of memory or of places. Every fourth attempt asks whether the door is still open.
 */
export const pieces: Family = {
  name: 'pieces',
  share: 12,
  least: 40,
  most: 800,
  atOnce: 32,
  fitsNaive: true,
  make(world, chance, index) {
    if (index % 4 === 3) {
      return world.shot('the door is open for the next one', [401], { path: DOOR, body: '{}' });
    }
    return chance.pick([inSingleBytes, unread, abandonedInLine, inOnePacket])(world);
  },
};

const inSingleBytes = (world: World): Attempt =>
  world.rawShot('a body in chunks of one byte, without an end', [400, 408, 413, 429], {
    ...{ parts: [POST_IN_CHUNKS, SINGLE_BYTES], endsWriting: true, withinMs: WITHIN_MS },
  });

const unread = (world: World): Attempt =>
  world.rawShot('a body in chunks of one byte that nobody reads', [200, 400, 429], {
    parts: [`GET /readyz HTTP/1.1\r\n${CHUNKED}`, SINGLE_BYTES, '0\r\n\r\n'],
    withinMs: WITHIN_MS,
  });

/** Node tells a response that is not yet in turn nothing of the end of its connection. */
const abandonedInLine = (world: World): Attempt =>
  world.rawShot('a body that is given up while its request waits in line', [200, 408], {
    ...{ parts: [PROBE + UNFINISHED], withinMs: WITHIN_MS },
  });

const inOnePacket = (world: World): Attempt =>
  world.rawShot('a thousand requests in one packet', [200, 429], {
    ...{ parts: [PROBE.repeat(1_000)], withinMs: WITHIN_MS },
  });
