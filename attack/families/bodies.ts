import type { Random } from '../../rig/random.ts';
import type { Attempt, Family } from '../attempt.ts';
import { anyOverheard, type Delivery, signed } from '../deliveries.ts';
import { brokenBytes, DEPTHS, evilValues } from '../evil-json.ts';
import type { World } from '../world.ts';

/**
 * Bodies of every evil shape inside deliveries that are authentic otherwise: correctly signed, or
 * with the right token. What is no JSON is refused; an odd field of a task that has ended may also
 * be passed over, which the books prove harmless.
 */
export const bodies: Family = {
  name: 'bodies',
  share: 130,
  least: 60,
  atOnce: 16,
  fitsNaive: true,
  make(world, chance, index) {
    const aim = anyOverheard(world, chance);
    if (index % 8 === 0) return sized(world, chance, aim);
    if (index % 12 === 1) return deepInside(world, chance);
    if (index % 3 === 0) return broken(world, chance, aim);
    return oddField(world, chance, aim);
  },
};

function attempt(
  world: World,
  [what, allowed]: [string, readonly number[]],
  aim: Delivery,
  bytes: Buffer,
): Attempt {
  const { path, headers, body } = signedIfPossible(world, aim, bytes);
  return world.shot(`${aim.provider}: ${what}`, allowed, { path, headers, body });
}

/** fal signs the id that it reads in the body; without one, only its old signature is left: 401. */
function signedIfPossible(world: World, aim: Delivery, bytes: Buffer): Delivery {
  try {
    return signed(world, aim, bytes);
  } catch {
    return { ...aim, body: bytes };
  }
}

function broken(world: World, chance: Random, aim: Delivery): Attempt {
  const [what, bytes] = chance.pick(brokenBytes(chance, aim.body.toString()));
  return attempt(world, [what, [400, 401, 413]], aim, bytes);
}

/** One field of the delivery, at any depth, replaced or added. */
function oddField(world: World, chance: Random, aim: Delivery): Attempt {
  const [what, text] = chance.pick(evilValues(chance));
  const json = JSON.parse(aim.body.toString()) as object; // overheard bodies are objects
  const field = chance.pick([...Object.keys(json), ...EXTRA]);
  const marked = WITHIN[field]?.(HERE) ?? { [field]: HERE };
  const body = JSON.stringify({ ...json, ...marked }).replace(`"${HERE}"`, () => text);
  const may = [200, 400, 401, 413];
  return attempt(world, [`${field} is ${what}`, may], aim, Buffer.from(body));
}

/** Nesting where it is passed on as it comes. 5,000 brackets are few bytes and many calls. */
function deepInside(world: World, chance: Random): Attempt {
  const aim = anyOverheard(world, chance, ['image-intelligence']);
  const field = chance.pick(Object.keys(WITHIN));
  const depth = chance.pick(DEPTHS.filter((some) => some >= 1_000));
  const json = JSON.stringify({ ...JSON.parse(aim.body.toString()), ...WITHIN[field]?.(HERE) });
  const body = json.replace(`"${HERE}"`, () => '['.repeat(depth) + ']'.repeat(depth));
  return attempt(world, [`${field} is ${depth} nested lists`, [400]], aim, Buffer.from(body));
}

const HERE = '@@here@@';
const EXTRA = ['target', 'verdict', 'output', 'data', 'payload', 'error', 'results'];
/** Two that Image Intelligence's results hold, and that are passed on as they come. */
const WITHIN: Readonly<Record<string, (value: string) => object>> = {
  target: (target) => ({ jobResults: [{ class: 'person', target }] }),
  verdict: (verdict) => ({
    imageResults: [{ status: 'COMPLETED_SUCCESSFULLY', objects: [{ class: 'a', verdict }] }],
  }),
};

/** Its default, which this run leaves as it is. */
const MAX_WEBHOOK_BYTES = 256 * 1024;

/** Exactly as large as may be, and just over it. */
function sized(world: World, chance: Random, aim: Delivery): Attempt {
  const more = chance.pick([0, 1, 2, 1_000, 400_000]);
  const json = aim.body.toString();
  const filler = MAX_WEBHOOK_BYTES + more - Buffer.byteLength(json);
  const body = Buffer.from(json + ' '.repeat(Math.max(filler, 0)));
  const allowed = more === 0 ? [200, 401] : [413];
  const what = more === 0 ? 'exactly as large as may be' : `${more} bytes too large`;
  return attempt(world, [what, allowed], aim, body);
}
