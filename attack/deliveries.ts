import type { Random } from '../rig/random.ts';
import { dialectOf } from './dialects.ts';
import type { World } from './world.ts';

/** A delivery to be sent, or to be spoilt first. */
export interface Delivery {
  readonly provider: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export const JSON_TYPE = { 'content-type': 'application/json' };

/** An authentic delivery that was overheard, of one of these providers. */
export function anyOverheard(world: World, chance: Random, among?: readonly string[]): Delivery {
  const fitting = world.overheard().filter(({ provider }) => among?.includes(provider) ?? true);
  const { provider, path, headers, body } = chance.pick(fitting);
  return { provider, path, headers, body: Buffer.from(body, 'base64') };
}

/** The id that the delivery's body gives its task. */
export function taskIdIn({ body }: Delivery): string {
  const { id, task_id, request_id, data } = JSON.parse(body.toString());
  return String(id ?? task_id ?? request_id ?? data?.taskId);
}

/** The body, signed as its provider would where it signs; authentic in every way. */
export function signed(world: World, to: Delivery, body: Buffer, nowMs = Date.now()): Delivery {
  const { sign } = dialectOf(to.provider);
  const secret = world.target.secrets[to.provider];
  if (!sign || secret === undefined) return { ...to, headers: JSON_TYPE, body };
  return { ...to, headers: { ...JSON_TYPE, ...sign(body, secret, nowMs) }, body };
}

export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
