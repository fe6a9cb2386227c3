import { expect, test } from 'vitest';
import { linksAt, linksByAny, partsIn } from '../../src/providers/result-links.ts';

const OUTPUT = {
  video: { url: 'v', parts: [{ url: 'a' }, { url: 'b' }, { seed: 1 }] },
  frames: ['x', 'y', 7],
};

test.each([
  ['video.url', ['v']],
  ['video.parts.*.url', ['a', 'b']],
  ['frames.*', ['x', 'y']],
  ['video', []],
  ['nothing.url', []],
  ['constructor.name', []],
])('at %s there are %j', (path, expected) => {
  expect(linksAt(path)(OUTPUT)).toEqual(expected);
  for (const odd of [null, undefined, 'text', 7, []]) expect(linksAt(path)(odd)).toEqual([]);
});

test('the texts of an output are itself, those of a list, or those of an object', () => {
  expect(partsIn('a')).toEqual(['a']);
  expect(partsIn(['a', 1, 'b'])).toEqual(['a', 'b']);
  expect(partsIn({ image: 'a', seed: 1 })).toEqual(['a']);
  expect(partsIn(null)).toEqual([]);
});

test('readings that find the same are believed; when they differ, none is', () => {
  const image = linksAt('image');
  const linksIn = linksByAny([image, linksAt('video'), linksAt('*')]);
  expect(linksIn({ image: 'a' })).toEqual(['a']);
  expect(linksIn({ image: 'a', video: 'b' })).toEqual([]);
  expect(linksIn({})).toEqual([]);
  expect(linksByAny([image])({ image: 'a', video: 'b' })).toEqual(['a']);
});
