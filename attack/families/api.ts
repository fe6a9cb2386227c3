import type { Random } from '../../rig/random.ts';
import type { Attempt, Family, Verdict } from '../attempt.ts';
import { HELD } from '../attempt.ts';
import { brokenBytes, evilValues } from '../evil-json.ts';
import { asMallory, type World } from '../world.ts';
import { goodRequest } from './good-request.ts';

/** The API, used by a tenant who is up to no good, or by nobody at all. */
export const api: Family = {
  name: 'api',
  share: 260,
  least: 100,
  atOnce: 16,
  fitsNaive: true,
  make(world, chance, index) {
    if (index % 50 === 0) return race(world, chance, index);
    if (index % 10 === 1) return strangers(world, chance);
    if (index % 10 === 2) return otherTenants(world, chance);
    if (index % 10 === 3) return brokenBody(world, chance);
    if (index % 10 === 4) return metadata(world, chance);
    return invalid(world, chance);
  },
};

const PATH = '/v1/generations';

/** Never to be found in anybody's books. */
const NEVER = 'never';

/** A right request with one to all of its fields wrong. */
function invalid(world: World, chance: Random): Attempt {
  const good: Record<string, unknown> = goodRequest(world, NEVER);
  const count = chance.below(4) === 0 ? 3 : 1;
  const spoilt = new Set(
    Array.from({ length: count }, () => chance.pick(['provider', 'model', 'input'])),
  );
  const what: string[] = [];
  let text = JSON.stringify({
    ...good,
    ...Object.fromEntries([...spoilt].map((f) => [f, `@@${f}@@`])),
  });
  for (const field of spoilt) {
    const [name, value] = chance.pick(evilValues(chance));
    what.push(`${field} is ${name}`);
    text = text.replace(`"@@${field}@@"`, () => value);
  }
  if (chance.below(5) === 0) {
    text = text.replace(/}$/, `,"${chance.pick(['tenant', 'id', '__proto__', 'state'])}":{"a":1}}`);
    what.push('and an unknown field');
  }
  return world.shot(what.join(', '), [400, 413], {
    path: PATH,
    headers: asMallory(world.target),
    body: text,
  });
}

function brokenBody(world: World, chance: Random): Attempt {
  const [what, body] = chance.pick(brokenBytes(chance, JSON.stringify(goodRequest(world, NEVER))));
  const type = chance.pick([
    'application/json',
    'application/json; charset=utf-16',
    'application/json; charset=\u00ff',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'application/jsonp',
    'application/json;charset=utf-8;charset=utf-7',
    '',
  ]);
  const headers = { ...asMallory(world.target), 'content-type': type };
  return world.shot(`${what}, as ${type}`, [400, 413, 415], { path: PATH, headers, body });
}

/** Metadata comes back unchanged, so what cannot is refused. */
function metadata(world: World, chance: Random): Attempt {
  const large = `"${'x'.repeat(chance.pick([4_096, 5_000, 30_000]))}"`;
  const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  const [what, value] = chance.pick([
    [
      'a number beyond 2^53',
      `{"order":${9_007_199_254_740_993n + BigInt(chance.below(1_000)) * 2n}}`,
    ],
    ['a negative number beyond 2^53', '{"order":-9007199254740993}'],
    ['a number too large for JSON', '{"order":1e999}'],
    ['__proto__', '{"__proto__":{"isAdmin":true}}'],
    ['__proto__ further down', '{"a":{"__proto__":{"isAdmin":true}}}'],
    ['5,000 brackets', `{"a":${deep}}`],
    ['more than 4 KB', `{"a":${large}}`],
    ['a list', '[]'],
    ['a text', '"x"'],
  ] as const);
  const body = JSON.stringify({ ...goodRequest(world, NEVER), metadata: '@@' });
  return world.shot(`metadata: ${what}`, [400, 413], {
    path: PATH,
    headers: asMallory(world.target),
    body: body.replace('"@@"', () => value),
  });
}

function strangers(world: World, chance: Random): Attempt {
  const key = world.target.malloryKey;
  const authorization = chance.pick([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    `Basic ${key}`,
    `Bearer ${key} x`,
    `Bearer ${key}x`,
    `Bearer ${key.slice(0, -1)}`,
    `bearer${key}`,
    `Bearer "${key}"`,
    `Token ${key}`,
    key,
    `Bearer ${key.toUpperCase()}`,
    `Bearer ${chance.word(32)}`,
    `Bearer ${'a'.repeat(7_000)}`,
    'Bearer undefined',
    'Bearer null',
    'Bearer __proto__',
    'Bearer [object Object]',
  ]);
  const { authorization: _, ...rest } = asMallory(world.target);
  const headers = { ...rest, ...(authorization !== undefined && { authorization }) };
  const [method, path] = chance.pick([
    ['POST', PATH],
    ['GET', '/v1/models'],
    ['GET', '/v1/providers'],
    ['GET', '/v1/callback-secret'],
    ['GET', `${PATH}/gen_00000000000000000000000000`],
    ['POST', `${PATH}/gen_00000000000000000000000000/cancel`],
  ] as const);
  const body = method === 'POST' ? JSON.stringify(goodRequest(world, NEVER)) : undefined;
  return world.shot(`${method} ${path} with a key that is none`, [401], {
    method,
    path,
    headers,
    ...(body !== undefined && { body }),
  });
}

function otherTenants(world: World, chance: Random): Attempt {
  const id = chance.pick(world.target.shopIds);
  const headers = asMallory(world.target);
  const cancels = chance.below(2) === 0;
  return world.shot(`${cancels ? 'cancel' : 'read'} another tenant’s generation`, [404], {
    method: cancels ? 'POST' : 'GET',
    path: `${PATH}/${id}${cancels ? '/cancel' : ''}`,
    headers,
  });
}

const AT_ONCE = 8;

/** One key, many times at once: one generation. Then the same key for another body: 409. */
function race(world: World, chance: Random, index: number): Attempt {
  const marker = `race-${index}-${chance.word(6)}`;
  const headers = { ...asMallory(world.target), 'idempotency-key': marker };
  const ask = (body: object) =>
    world
      .read({ path: PATH, headers, body: JSON.stringify(body) })
      // A connection that broke accepted nothing that we know of; the books know.
      .catch(() => ({ status: 599, text: '' }));
  return {
    what: `the same Idempotency-Key ${AT_ONCE} times at once`,
    async run() {
      const body = goodRequest(world, marker);
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => ask(body)));
      const other = await ask({ ...body, metadata: { other: true } });
      return judgeRace([...answers, other], world.target.isRedisAway);
    },
  };
}

function judgeRace(
  answers: readonly { status: number; text: string }[],
  isRedisAway: boolean,
): Verdict {
  const failed = answers.find(({ status }) => status >= 500 && !isRedisAway);
  if (failed) return { kind: 'answered5xx', detail: `answered ${failed.status}` };
  const taken = answers.filter(({ status }) => status < 300);
  const ids = new Set(taken.map(({ text }) => String(JSON.parse(text).id)));
  const accepted = taken.filter(({ status }) => status === 202).length;
  const last = answers.at(-1)?.status;
  const isOnce = ids.size <= 1 && accepted <= 1 && (last === 409 || isRedisAway);
  if (isOnce) return HELD;
  const detail = `${ids.size} generations, ${accepted} answers 202, the other body ${last}`;
  return { kind: 'wronglyAccepted', detail };
}
