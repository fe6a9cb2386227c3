import type { Family } from '../attempt.ts';
import { addresses } from './addresses.ts';
import { api } from './api.ts';
import { bodies } from './bodies.ts';
import { brotli, encodings } from './encodings.ts';
import { floods } from './floods.ts';
import { logins } from './logins.ts';
import { paths } from './paths.ts';
import { pieces } from './pieces.ts';
import { replays } from './replays.ts';
import { resolvers } from './resolvers.ts';
import { signatures } from './signatures.ts';
import { sockets } from './sockets.ts';
import { stalls } from './stalls.ts';
import { tarpits } from './tarpits.ts';
import { withoutRedis } from './without-redis.ts';

/** Every kind of attack, in the order in which they are made. */
export const FAMILIES: readonly Family[] = [
  tarpits,
  resolvers,
  stalls,
  signatures,
  replays,
  bodies,
  encodings,
  brotli,
  sockets,
  pieces,
  floods,
  paths,
  api,
  addresses,
  logins,
  withoutRedis,
];

export const FAMILY_NAMES = FAMILIES.map(({ name }) => name);

/** @throws for a name that is none. */
export function familyNamed(name: string): Family {
  const family = FAMILIES.find((one) => one.name === name);
  if (!family) throw new Error(`There is no attack called ${name}.`);
  return family;
}

/** How many attempts of each family make up a run of `total` in all. */
export function shareOut(families: readonly Family[], total: number): Map<Family, number> {
  const whole = families.reduce((sum, { share }) => sum + share, 0);
  const counts = families.map((family): [Family, number] => {
    const fair = Math.ceil((total * family.share) / whole);
    return [family, Math.min(Math.max(fair, family.least), family.most ?? fair + family.least)];
  });
  return new Map(counts);
}
