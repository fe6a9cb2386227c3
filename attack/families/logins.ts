import type { Random } from '../../rig/random.ts';
import { type Attempt, type Family, judge } from '../attempt.ts';
import type { World } from '../world.ts';

/** So many guesses in a second may learn whether they were right, from everywhere together. */
const MOST_VERDICTS_PER_SECOND = 5;
/** And so many at once in the first moments. */
const MOST_AT_ONCE = 200;
const WITHIN_MS = 12_000;
const PAGES = ['/admin/queues', '/admin/queues/api/queues', '/admin/queues/static/x'];

/** When each guess was told that it was wrong (Unix ms). */
const verdictsOf = new WeakMap<World, number[]>();

/** Guessing the board's password from many addresses, and writing to it from another site. */
export const logins: Family = {
  name: 'logins',
  share: 60,
  least: 80,
  atOnce: 8,
  make: (world, chance, index) =>
    index % 20 === 0 ? crossSite(world, chance) : guess(world, chance),
  async afterwards(world) {
    const verdicts = verdictsOf.get(world) ?? [];
    const seconds = ((verdicts.at(-1) ?? 0) - (verdicts[0] ?? 0)) / 1000;
    if (verdicts.length <= MOST_AT_ONCE + seconds * MOST_VERDICTS_PER_SECOND) return [];
    const detail = `${verdicts.length} guesses in ${seconds.toFixed(1)} s were told that they are wrong`;
    return [{ kind: 'wronglyAccepted', detail }];
  },
};

function guess(world: World, chance: Random): Attempt {
  const authorization = wrongLogin(world, chance);
  const head = [
    `GET ${chance.pick(PAGES)} HTTP/1.1`,
    'Host: a',
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    ...(chance.below(2) === 0 ? [`X-Forwarded-For: 10.0.0.${chance.below(255)}`] : []),
    'Connection: close',
  ];
  // A different loopback address is a different attacker.
  const from = `127.0.0.${2 + chance.below(60)}`;
  return {
    what: 'a guess at the board’s password',
    async run() {
      const parts = [`${head.join('\r\n')}\r\n\r\n`];
      const answer = await world.talk({ parts, from, withinMs: WITHIN_MS });
      if (answer.statuses[0] === 401 && authorization) {
        verdictsOf.set(world, [...(verdictsOf.get(world) ?? []), Date.now()]);
      }
      return judge(answer, [401, 429], world.target.isRedisAway);
    },
  };
}

/** Nobody's login, in every way to be nearly right. */
function wrongLogin(world: World, chance: Random): string | undefined {
  const { boardLogin } = world.target;
  const [user = '', password = ''] = boardLogin.split(':');
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const wrong = chance.pick([
    `${user}:`,
    ':',
    `${user}:${chance.word(10)}`,
    `${user}:${password.slice(0, -1)}`,
    `${user}:${password}x`,
    `${user}:${password.toUpperCase()}`,
    `admin:${password}`,
    `${user.toUpperCase()}:${password}`,
    `${user}:${password}\u0000`,
  ]);
  return chance.pick([
    ...Array<string>(8).fill(`Basic ${base64(wrong)}`),
    undefined,
    // The right one with something behind it is another one.
    `Basic ${base64(boardLogin)}!junk`,
    `Basic ${base64(boardLogin)} x`,
    `Bearer ${base64(boardLogin)}`,
    'Basic',
    'Basic ====',
    `Basic ${'QUFB'.repeat(1_500)}`,
  ]);
}

/** A browser sends the operator's login along with a form of any site. */
function crossSite(world: World, chance: Random): Attempt {
  const authorization = `Basic ${Buffer.from(world.target.boardLogin).toString('base64')}`;
  const origin = chance.pick([
    'https://attacker.example',
    'null',
    `${world.target.url}.evil.example`,
  ]);
  const withOrigin = chance.below(4) > 0 ? { origin } : {};
  return world.shot('a write to the board from another site', [403, 429], {
    method: chance.pick(['POST', 'PUT', 'PATCH', 'DELETE'] as const),
    path: `/admin/queues/api/queues/submit-fitinview/${chance.pick(['pause', 'empty', 'add', 'retry'])}`,
    headers: { authorization, ...withOrigin },
    body: '{}',
  });
}
