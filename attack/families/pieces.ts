import type { Attempt, Family } from '../attempt.ts';
import type { World } from '../world.ts';

/** As long as a request may take, and what a busy machine adds. */
const WITHIN_MS = 23_000;
const DOOR = '/webhooks/vtryon';

/** Chunks of so many bytes, 250,000 in all: what is kept by the piece costs many times its size. */
const inChunksOf = (bytes: number): string =>
  `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`.repeat(250_000 / bytes);
const SINGLE_BYTES = inChunksOf(1);
const SMALL_PIECES = inChunksOf(20);
const CHUNKED = 'Host: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const POST_IN_CHUNKS = `POST ${DOOR} HTTP/1.1\r\n${CHUNKED}`;
const UNFINISHED = `POST ${DOOR} HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\nx`;
const READY_REQUEST = 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n';

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
    const kinds = [inSingleBytes, inSmallPieces, unread, abandonedInLine, inOnePacket];
    return chance.pick(kinds)(world);
  },
};

const inSingleBytes = (world: World): Attempt =>
  world.rawShot('a body in chunks of one byte, without an end', [400, 408, 413, 429], {
    ...{ parts: [POST_IN_CHUNKS, SINGLE_BYTES], endsWriting: true, withinMs: WITHIN_MS },
  });

const inSmallPieces = (world: World): Attempt =>
  world.rawShot('a body in chunks of 20 bytes, without an end', [400, 408, 413, 429], {
    ...{ parts: [POST_IN_CHUNKS, SMALL_PIECES], endsWriting: true, withinMs: WITHIN_MS },
  });

const unread = (world: World): Attempt =>
  world.rawShot('a body in chunks of one byte that nobody reads', [200, 400, 429], {
    parts: [`GET /readyz HTTP/1.1\r\n${CHUNKED}`, SINGLE_BYTES, '0\r\n\r\n'],
    withinMs: WITHIN_MS,
  });

/** Node does not let a response that is not yet in turn know that its connection has ended. */
const abandonedInLine = (world: World): Attempt =>
  world.rawShot('a body that is given up while its request waits in line', [200, 408], {
    ...{ parts: [READY_REQUEST + UNFINISHED], withinMs: WITHIN_MS },
  });

const inOnePacket = (world: World): Attempt =>
  world.rawShot('a thousand requests in one packet', [200, 429], {
    ...{ parts: [READY_REQUEST.repeat(1_000)], withinMs: WITHIN_MS },
  });
