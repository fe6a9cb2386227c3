import type { Family } from '../attempt.ts';
import { api } from './api.ts';
import { replays } from './replays.ts';
import { signatures } from './signatures.ts';

/** A mixture of the others while Redis stands still: here alone 503 may be answered, too. */
export const withoutRedis: Family = {
  name: 'without-redis',
  share: 6,
  least: 30,
  most: 400,
  atOnce: 40,
  needsRedisAway: true,
  make(world, chance, index) {
    const family = chance.pick([api, replays, signatures]);
    return family.make(world, chance, index);
  },
};
