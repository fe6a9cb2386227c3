import { expect, test } from 'vitest';
import { isInside, putAt, WirePath } from '../../src/providers/wire-path.ts';

test('a value is put at its name, into an object, or into a list', () => {
  const body: Record<string, unknown> = { aspect_ratio: { unit: 'px' } };
  putAt(body, 'seed', 7);
  putAt(body, 'aspect_ratio.ratio', '3:4');
  putAt(body, 'image_urls[]', 'person');
  putAt(body, 'image_urls[]', ['shirt', 'shoes']);
  putAt(body, 'deep.er.list[]', 1);
  expect(body).toEqual({
    seed: 7,
    aspect_ratio: { unit: 'px', ratio: '3:4' },
    image_urls: ['person', 'shirt', 'shoes'],
    deep: { er: { list: [1] } },
  });
});

test('what an object came from stays as it was', () => {
  const constant = { unit: 'px' };
  const body: Record<string, unknown> = {};
  putAt(body, 'size', constant);
  putAt(body, 'size.width', 5);
  expect(body).toEqual({ size: { unit: 'px', width: 5 } });
  expect(constant).toEqual({ unit: 'px' });
});

test('only names make a path', () => {
  const isPath = (path: string) => WirePath.safeParse(path).success;
  expect(['a', 'image_url', 'a.b_1', 'list[]', 'a.list[]'].filter(isPath)).toHaveLength(5);
  const odd = ['', '.', 'a.', '.a', 'a..b', 'a[0]', 'a[].b', '__proto__', 'a.__proto__.b', '1a'];
  expect(odd.filter(isPath)).toEqual([]);
});

test('what lies in another value is known by its path', () => {
  expect(isInside('a.b', 'a')).toBe(true);
  expect(isInside('a.b', 'a[]')).toBe(true);
  expect(isInside('ab', 'a')).toBe(false);
  expect(isInside('a', 'a')).toBe(false);
});
