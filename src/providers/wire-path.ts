import { z } from 'zod';

/**
 * Where a value goes in a provider's input: its name, or names joined by dots for an object in it;
 * with `[]` at the end, into a list.
 */
export const WirePath = z
  .string()
  .regex(
    /^(?!.*\b__proto__\b)[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\[\])?$/,
    'takes names joined by dots, with [] at the end for a list: `image_urls[]`',
  );

/** Whether a value at `inner` lies in an object that would be at `outer`. */
export function isInside(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer.replace(/\[\]$/, '')}.`);
}

/** Puts the value there. What a list gets is added to it, each part of a list by itself. */
export function putAt(target: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.replace(/\[\]$/, '').split('.');
  const last = names.pop() ?? path;
  let place = target;
  for (const name of names) place = objectAt(place, name);
  if (!path.endsWith('[]')) {
    place[last] = value;
    return;
  }
  const list = place[last];
  place[last] = (Array.isArray(list) ? list : []).concat(value);
}

function objectAt(place: Record<string, unknown>, name: string): Record<string, unknown> {
  const found = place[name];
  const isObject = typeof found === 'object' && found !== null && !Array.isArray(found);
  const inner = isObject ? { ...found } : {};
  place[name] = inner;
  return inner as Record<string, unknown>; // a copy of what JSON brought
}
