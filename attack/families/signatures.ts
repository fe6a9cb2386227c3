import type { Random } from '../../rig/random.ts';
import type { Family } from '../attempt.ts';
import {
  anyOverheard,
  type Delivery,
  JSON_TYPE,
  jsonBytes,
  signed,
  taskIdIn,
} from '../deliveries.ts';
import { dialectOf, SIGNED, UNSIGNED } from '../dialects.ts';
import type { World } from '../world.ts';

type Forged = readonly [what: string, delivery: Delivery, extra?: readonly string[]];

/** Deliveries of providers that sign, each wrong in one way. None may be believed: 401. */
export const signatures: Family = {
  name: 'signatures',
  share: 190,
  least: 60,
  atOnce: 16,
  fitsNaive: true,
  make(world, chance, index) {
    const targets = index % 4 === 0 ? UNSIGNED : SIGNED;
    const aim = aimAt(world, chance, targets);
    const [what, { path, headers, body }, extra] = dialectOf(aim.provider).sign
      ? forgeSignature(world, chance, aim)
      : forgeToken(world, chance, aim);
    const list = [...Object.entries(headers).flat(), ...(extra ?? [])];
    // 400: a header that HTTP itself does not allow. 404: a path that is no webhook's any more.
    return world.shot(`${aim.provider}: ${what}`, [400, 401, 404, 413, 431], {
      path,
      headers: list,
      body,
    });
  },
};

/** A lie about a task that is under way, where there is one, or about one that has ended. */
function aimAt(world: World, chance: Random, among: readonly string[]): Delivery {
  const underWay = world.target.underWay.filter(({ provider }) => among.includes(provider));
  const overheard = anyOverheard(world, chance, among);
  if (underWay.length === 0 || chance.below(2) === 0) {
    return lie(overheard.provider, overheard.path, taskIdIn(overheard), chance);
  }
  const { provider, path, taskId } = chance.pick(underWay);
  return lie(provider, path, taskId, chance);
}

function lie(provider: string, path: string, taskId: string, chance: Random): Delivery {
  const end = chance.pick(['completed', 'failed'] as const);
  const body = jsonBytes(dialectOf(provider)[end](taskId));
  return { provider, path, headers: JSON_TYPE, body };
}

function forgeSignature(world: World, chance: Random, aim: Delivery): Forged {
  const name = dialectOf(aim.provider).signatureHeader ?? '';
  const right = signed(world, aim, aim.body);
  const value = right.headers[name] ?? '';
  const put = (signature: string): Delivery => ({
    ...right,
    headers: { ...right.headers, [name]: signature },
  });
  const other = signed(world, aim, Buffer.concat([aim.body, Buffer.from(' ')])).headers;
  const wrong = withSecret(aim, `whsec_${chance.bytes(24).toString('base64')}`);
  const forgeries: readonly Forged[] = [
    ['no signature', { ...aim, headers: JSON_TYPE }],
    ['an empty signature', put('')],
    ['a wrong secret', wrong],
    ['an empty secret', withSecret(aim, '')],
    ['a truncated signature', put(value.slice(0, chance.below(value.length)))],
    ['a signature one character longer', put(`${value}0`)],
    ['one character changed', put(changed(value, chance))],
    ['the signature of another body', { ...right, headers: { ...JSON_TYPE, ...other } }],
    [
      'a body changed after signing',
      { ...right, body: Buffer.concat([right.body, chance.bytes(1)]) },
    ],
    ['random hex', put(chance.bytes(aim.provider === 'fal' ? 64 : 32).toString('hex'))],
    ['random base64 with another version', put(`v0,${chance.bytes(32).toString('base64')}`)],
    ['the version of another scheme', put(`v1a,${value.replace(/^v1,/, '')}`)],
    ['a prefix', put(`sha256=${value}`)],
    ['a huge signature', put('a'.repeat(8_000))],
    ['the wrong signature twice', wrong, [name, wrong.headers[name] ?? '']],
    ['the right signature twice', right, [name, value]],
    ['another provider’s signature', crossed(world, chance, aim)],
    ['the signature in other words', put('true')],
    ['a signature of nothing', { ...right, body: Buffer.alloc(0) }],
    ['a list of a thousand signatures', put(Array(300).fill('v1,YWJj').join(' '))],
    ...(aim.provider === 'fal' || aim.provider === 'replicate' ? stale(world, aim) : []),
  ];
  return chance.pick(forgeries);
}

/** Signed dialects that sign a time: old ones and ones from the future are replays or lies. */
function stale(world: World, aim: Delivery): readonly Forged[] {
  const at = (seconds: number) => signed(world, aim, aim.body, Date.now() + seconds * 1000);
  const late = at(-3_600);
  const moved = Object.fromEntries(
    Object.entries(late.headers).map(([name, value]) =>
      name.endsWith('timestamp') ? [name, String(Math.floor(Date.now() / 1000))] : [name, value],
    ),
  );
  const inWords = Object.fromEntries(
    Object.entries(late.headers).map(([name, value]) =>
      name.endsWith('timestamp') ? [name, '1e10'] : [name, value],
    ),
  );
  return [
    ['an hour old', late],
    ['an hour ahead', at(3_600)],
    ['an old signature with a new time', { ...late, headers: moved }],
    ['a time that is no number of seconds', { ...late, headers: inWords }],
  ];
}

function withSecret(aim: Delivery, secret: string): Delivery {
  const { sign } = dialectOf(aim.provider);
  return { ...aim, headers: { ...JSON_TYPE, ...sign?.(aim.body, secret, Date.now()) } };
}

function crossed(world: World, chance: Random, aim: Delivery): Delivery {
  const provider = chance.pick(SIGNED.filter((name) => name !== aim.provider));
  // fal's signature names the task, which is called otherwise elsewhere.
  const body = provider === 'fal' ? jsonBytes({ request_id: 'x' }) : aim.body;
  const values = Object.values(signed(world, { ...aim, provider }, body).headers);
  const name = dialectOf(aim.provider).signatureHeader ?? '';
  return { ...aim, headers: { ...JSON_TYPE, [name]: values.at(-1) ?? '' } };
}

/** Another character of the same alphabet, at a place that counts. */
function changed(value: string, chance: Random): string {
  const at = 3 + chance.below(20);
  return value.slice(0, at) + (value[at] === 'a' ? 'b' : 'a') + value.slice(at + 1);
}

/** Deliveries of providers that sign nothing: without its own token none may come in. */
function forgeToken(world: World, chance: Random, aim: Delivery): Forged {
  const [, , provider = '', id = '', token = ''] = aim.path.split('/');
  const other = anyOverheard(world, chance).path.split('/');
  const [otherId = '', otherToken = ''] = [other[3], other[4]];
  const path = (...parts: string[]): Delivery => ({ ...aim, path: `/webhooks/${parts.join('/')}` });
  const elsewhere = chance.pick(UNSIGNED.filter((name) => name !== provider));
  const flipped = token.slice(0, -2) + (token.at(-2) === 'A' ? 'B' : 'A') + token.slice(-1);
  const foreign = otherId !== id && otherToken !== '';
  return chance.pick<Forged>([
    ['no token', path(provider, id)],
    ['an empty token', path(provider, id, '')],
    ['a truncated token', path(provider, id, token.slice(0, 1 + chance.below(25)))],
    ['a longer token', path(provider, id, `${token}A`)],
    ['a token with one character changed', path(provider, id, flipped)],
    ['a random token', path(provider, id, chance.bytes(20).toString('base64url'))],
    ['a huge token', path(provider, id, 'a'.repeat(4_000))],
    ['the token at another provider', path(elsewhere, id, token)],
    ['a token in capitals', path(provider, id, token.toUpperCase())],
    foreign
      ? ['the token of another generation', path(provider, id, otherToken)]
      : ['a token of zeros', path(provider, id, '0'.repeat(27))],
    foreign
      ? ['the token for another generation', path(provider, otherId, token)]
      : ['no id', path(provider, '', token)],
  ]);
}
