import type { Random } from '../../rig/random.ts';
import type { Attempt, Family } from '../attempt.ts';
import { anyOverheard } from '../deliveries.ts';
import { asMallory, type World } from '../world.ts';

/** Ways to write "elsewhere". */
const TRICKS = [
  '../',
  '..%2f',
  '%2e%2e/',
  '%2e%2e%2f',
  '..%252f',
  '%252e%252e%252f',
  '..\\',
  '..%5c',
  './',
  '.%00/',
  '%00',
  '%c0%ae%c0%ae/',
  '%ef%bc%8f',
  '//',
  ';/',
  '..;/',
  '%2f',
  '%5c',
  '%0d%0aX:%20y',
];
const PLACES = ['/files/', '/webhooks/', '/v1/generations/', '/admin/queues/', '/v1/', '/'];
const GOALS = [
  'etc/passwd',
  'package.json',
  '.env',
  'proc/self/environ',
  '.git/config',
  'admin/queues',
  'api/queues',
  'node_modules/express/package.json',
  'constructor',
  '__proto__',
  'toString',
];
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'FITINVIEW',
  'Fal',
  'fitinview%20',
  'fal%00',
  'unknown',
  '%F0%9F%91%97',
  '..',
  '%2e%2e',
  'null',
  'undefined',
  '0',
];

/** No path leads anywhere that it should not: 2xx means that a door was found. */
export const paths: Family = {
  name: 'paths',
  share: 110,
  least: 60,
  atOnce: 16,
  fitsNaive: true,
  make(world, chance, index) {
    const { path } = anyOverheard(world, chance);
    const [, , provider = '', id = 'gen_0', token = 'x'] = path.split('/');
    const name = chance.pick(NAMES);
    const post = (what: string, at: string) =>
      raw(world, what, `POST ${at} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`);
    switch (index % 8) {
      case 0:
        return post(`provider ${name}`, `/webhooks/${name}`);
      case 1:
        return post(`provider ${name} with an id`, `/webhooks/${name}/${id}/${token}`);
      case 2:
        return post('a webhook path with more slashes', `/webhooks//${provider}//${id}/${token}`);
      case 3:
        return post('a very long path', `/webhooks/${'a/'.repeat(1_000 + chance.below(4_000))}`);
      case 4:
        return foreignGeneration(world, chance);
      case 5:
        return otherMethod(world, chance, path);
      default:
        return traversal(world, chance);
    }
  },
};

const REFUSALS = [400, 401, 403, 404, 405, 413, 414, 415, 429, 431];

function raw(world: World, what: string, request: string): Attempt {
  return world.rawShot(what, REFUSALS, { parts: [request], withinMs: 12_000 });
}

function traversal(world: World, chance: Random): Attempt {
  const tricks = chance.pick(TRICKS).repeat(1 + chance.below(5));
  const path = chance.pick(PLACES) + tricks + chance.pick(GOALS);
  return raw(world, `GET ${path}`, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
}

function foreignGeneration(world: World, chance: Random): Attempt {
  const id = chance.pick(world.target.shopIds);
  const spelt = [id, id.toLowerCase(), `${id}%00`, `gen_${chance.word(26)}`, chance.pick(NAMES)];
  return world.shot('a generation of another tenant, or of nobody', REFUSALS, {
    method: 'GET',
    path: `/v1/generations/${chance.pick(spelt)}`,
    headers: asMallory(world.target),
  });
}

function otherMethod(world: World, chance: Random, path: string): Attempt {
  const method = chance.pick(['GET', 'PUT', 'DELETE', 'PATCH'] as const);
  const body = method === 'GET' ? {} : { body: '{}' };
  return world.shot(`${method} at a webhook`, REFUSALS, { method, path, ...body });
}
