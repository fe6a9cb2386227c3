import type { Family } from '../attempt.ts';
import { chunks, heads, otherProtocols, pipelines, smuggling } from '../raw-requests.ts';

/** As long as a request may take, and what a busy machine adds. */
const WITHIN_MS = 23_000;

/** Requests that no HTTP client would write, on bare sockets. */
export const sockets: Family = {
  name: 'sockets',
  share: 70,
  least: 60,
  atOnce: 64,
  fitsNaive: true,
  make(world, chance) {
    const group = chance.pick([smuggling, chunks, heads, otherProtocols, pipelines]);
    const { what, allowed, raw } = chance.pick(group(world, chance));
    return world.rawShot(what, allowed, { ...raw, withinMs: WITHIN_MS });
  },
};
