import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { Random } from '../../rig/random.ts';
import type { Attempt, Family } from '../attempt.ts';
import { anyOverheard, JSON_TYPE, signed } from '../deliveries.ts';
import { asMallory, type World } from '../world.ts';

/** Nothing but identity is read, and a refusal comes before the body is. */
const REFUSED = [415];

/** Compressed bodies, honest ones and bombs, wherever a body is taken. */
export const encodings: Family = {
  name: 'encodings',
  share: 70,
  least: 40,
  atOnce: 12,
  fitsNaive: true,
  make(world, chance) {
    const [what, encoding, body] = chance.pick(packed(world, chance));
    return to(world, chance, what, encoding, body);
  },
};

/** Some 60 bytes: a brotli stream that claims a window of 16 MB, to be held while it is inflated. */
export const brotli: Family = {
  name: 'brotli',
  share: 4,
  least: 200,
  most: 1_000,
  atOnce: 200,
  fitsNaive: true,
  make: (world, chance) => to(world, chance, 'a brotli window of 16 MB', 'br', WIDE_WINDOW),
};

/**
 * Four times four million spaces with a window of 2^24, each part flushed: whoever inflates it holds
 * 16 MB until the stream is given up.
 */
const WIDE_WINDOW = Buffer.from(
  'cf7f841e002440e2b14072017a0cfc47e8014002200e0b4017a0c700f' +
    'c47e8014002200e0b4017a0c700fc47e8014002200e0b4017a0c70003',
  'hex',
);

/** Nobody asks who sends it: an account-wide webhook URL, and the API with any tenant's key. */
function to(world: World, chance: Random, what: string, encoding: string, body: Buffer): Attempt {
  const { target } = world;
  const door = chance.pick(['account-wide webhook', 'webhook with its token', 'API']);
  const packing = { 'content-encoding': encoding };
  if (door === 'API') {
    const headers = { ...asMallory(target), ...packing };
    return world.shot(`${what} to the ${door}`, REFUSED, {
      path: '/v1/generations',
      headers,
      body,
    });
  }
  if (door === 'account-wide webhook') {
    const headers = { ...JSON_TYPE, ...packing };
    return world.shot(`${what} to the ${door}`, REFUSED, {
      path: '/webhooks/vtryon',
      headers,
      body,
    });
  }
  const aim = anyOverheard(world, chance);
  const { path, headers } = signed(world, aim, aim.body);
  const shot = { path, headers: { ...headers, ...packing }, body };
  return world.shot(`${what} to the ${door} of ${aim.provider}`, REFUSED, shot);
}

/** Made once: inflating is what shall be cheap to ask for, not packing. */
const ZEROS = gzipSync(Buffer.alloc(3_000_000));
const BOMBS: readonly [string, string, Buffer][] = [
  ['a brotli window of 16 MB', 'br', WIDE_WINDOW],
  ['a gzip bomb', 'gzip', ZEROS],
  ['a gzip bomb in gzip', 'gzip, gzip', gzipSync(ZEROS)],
];

function packed(world: World, chance: Random): readonly [string, string, Buffer][] {
  const json = anyOverheard(world, chance).body;
  const gzip = gzipSync(json);
  return [
    ...BOMBS,
    ['gzip', 'gzip', gzip],
    ['gzip in capitals', 'GZIP', gzip],
    ['x-gzip', 'x-gzip', gzip],
    ['deflate', 'deflate', deflateSync(json)],
    ['raw deflate', 'deflate', deflateRawSync(json)],
    ['brotli', 'br', brotliCompressSync(json, QUICKLY)],
    ['zstd', 'zstd', Buffer.from('28b52ffd0458010000', 'hex')],
    ['gzip that is none', 'gzip', json],
    ['gzip cut off', 'gzip', gzip.subarray(0, 20)],
    ['an encoding nobody knows', chance.word(8), json],
    ['gzip twice', 'gzip, gzip', gzipSync(gzip)],
    ['identity, then gzip', 'identity, gzip', gzip],
  ];
}

const QUICKLY = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
