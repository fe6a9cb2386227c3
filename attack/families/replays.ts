import type { Family } from '../attempt.ts';
import { anyOverheard, jsonBytes, signed, taskIdIn } from '../deliveries.ts';
import { dialectOf, UNSIGNED } from '../dialects.ts';

/**
 * What is authentic, again: replays, and ends that contradict the one that was notified. All may be
 * answered 200, for the provider can do nothing about them; the books show that nothing moved.
 */
export const replays: Family = {
  name: 'replays',
  share: 100,
  least: 40,
  atOnce: 16,
  fitsNaive: true,
  make(world, chance, index) {
    const { underWay } = world.target;
    const open = underWay.filter(({ provider }) => UNSIGNED.includes(provider));
    if (index % 5 === 0 && open.length > 0) {
      // Whoever knows the URL may hint; the provider itself is asked whether it is true.
      const { provider, path, taskId } = chance.pick(open);
      const end = chance.pick(['completed', 'failed'] as const);
      const what = `${provider}: "${end}" of a task under way, with its leaked URL`;
      const body = jsonBytes(dialectOf(provider)[end](taskId));
      return world.shot(what, [200], {
        path,
        headers: { 'content-type': 'application/json' },
        body,
      });
    }
    const overheard = anyOverheard(world, chance);
    const { provider, path } = overheard;
    if (index % 2 === 0) {
      const { headers, body } = overheard;
      // 401: a signed time that has grown too old.
      return world.shot(`${provider}: replayed`, [200, 401], { path, headers, body });
    }
    const end = chance.pick(['completed', 'failed'] as const);
    const body = jsonBytes(dialectOf(provider)[end](taskIdIn(overheard)));
    const contradiction = signed(world, overheard, body);
    return world.shot(`${provider}: authentic "${end}" after the end`, [200], {
      path,
      headers: contradiction.headers,
      body,
    });
  },
};
