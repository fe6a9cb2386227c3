import type { z } from 'zod';
import { createRandom } from '../rig/random.ts';
import type { Family, Verdict } from './attempt.ts';
import { familyNamed } from './families/catalogue.ts';
import { Order, type Ready, type Tally, type Target } from './messages.ts';
import { createWorld, type World } from './world.ts';

/** A process of the attacker's: makes the attempts it is ordered to make, and judges the answers. */

const MOST_FAILURES = 5;
let world: World | undefined;

process.on('message', (message) => {
  const order = Order.parse(message);
  void carryOut(order).then((tally) => process.send?.(tally));
});
process.once('SIGTERM', () => {
  void Promise.resolve(world?.close()).finally(() => process.exit());
});
process.send?.({ ready: true } satisfies z.infer<typeof Ready>);

async function carryOut({ family: name, seed, from, to, isLast, target }: Order): Promise<Tally> {
  const family = familyNamed(name);
  const here = upToDate(target);
  const tally = {
    family: name,
    tried: 0,
    wronglyAccepted: 0,
    answered5xx: 0,
    hung: 0,
    otherwise: 0,
  };
  const failures: Tally['failures'] = [];
  const note = (attempt: string, { kind, detail }: Verdict): void => {
    if (kind === 'held') return;
    tally[kind] += 1;
    if (failures.length < MOST_FAILURES) failures.push({ attempt, kind, detail });
  };

  let next = from;
  const keepTrying = async (): Promise<void> => {
    for (let index = next++; index < to; index = next++) {
      const { what, verdict } = await tryOnce(family, here, seed, index);
      tally.tried += 1;
      note(`#${index} ${what}`, verdict);
    }
  };
  await Promise.all(Array.from({ length: Math.min(family.atOnce, to - from) }, keepTrying));
  if (isLast) {
    for (const verdict of (await family.afterwards?.(here)) ?? []) note('afterwards', verdict);
  }
  return { ...tally, failures };
}

/** An attempt that cannot even be made is a mistake of the suite's, and must not pass for held. */
async function tryOnce(
  family: Family,
  here: World,
  seed: number,
  index: number,
): Promise<{ what: string; verdict: Verdict }> {
  try {
    const attempt = family.make(here, createRandom(seed, family.name, index), index);
    return { what: attempt.what, verdict: await attempt.run() };
  } catch (error) {
    return { what: 'not made', verdict: { kind: 'hung', detail: String(error) } };
  }
}

/** One world for the whole life of the process: what families remember is remembered in it. */
function upToDate(target: Target): World {
  if (world) Object.assign(world.target, target);
  else world = createWorld(target);
  return world;
}
