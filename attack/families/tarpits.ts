import type { Family, Verdict } from '../attempt.ts';
import { startTarpit, type Tarpit } from '../tarpit.ts';
import { asMallory, type World } from '../world.ts';
import { goodRequest } from './good-request.ts';

const tarpitOf = new WeakMap<World, Promise<Tarpit>>();

/**
 * Generations of a tenant whose callback URLs are traps. Whether they hold anybody else up shows in
 * what the real generations felt; what is answered 2xx must not be delivered again.
 */
export const tarpits: Family = {
  name: 'tarpits',
  share: 3,
  least: 24,
  most: 200,
  atOnce: 4,
  isPatient: true,
  make(world, chance, index) {
    return {
      what: 'a generation whose callback is a tarpit',
      async run() {
        const tarpit = await open(world);
        const kind = chance.pick(tarpit.kinds);
        const marker = `tarpit-${index}-${chance.word(6)}`;
        const shot = world.shot(`tarpit ${kind}`, [202], {
          path: '/v1/generations',
          headers: asMallory(world.target),
          body: JSON.stringify({
            ...goodRequest(world, marker),
            callbackUrl: `${tarpit.url}/${kind}/${marker}`,
          }),
        });
        return shot.run();
      },
    };
  },
  async afterwards(world) {
    const tarpit = await tarpitOf.get(world);
    const repeated = tarpit?.visits().filter(({ kind, times }) => ENOUGH.has(kind) && times > 1);
    const verdicts = repeated?.map(
      ({ kind, times }): Verdict => ({
        kind: 'wronglyAccepted',
        detail: `a callback that was answered (${kind}) was delivered ${times} times`,
      }),
    );
    const strayed = tarpit?.visits().find(({ kind }) => kind === 'elsewhere');
    await tarpit?.close();
    return [
      ...(verdicts ?? []),
      ...(strayed ? [{ kind: 'wronglyAccepted', detail: 'a redirect was followed' } as const] : []),
    ];
  },
};

/** Their status says that the event has arrived. */
const ENOUGH = new Set(['html', 'trickle', 'gone']);

function open(world: World): Promise<Tarpit> {
  const known = tarpitOf.get(world) ?? startTarpit();
  tarpitOf.set(world, known);
  return known;
}
