import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_JSON_DEPTH, parseJson, UnreadableJson } from '../../src/outbound/bounded-json.ts';

const nested = (levels: number, inner = ''): string =>
  '['.repeat(levels) + inner + ']'.repeat(levels);

test('what JSON.parse reads is read alike, as long as it is not too deep', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test('exactly the deepest nesting is read, and one level more is refused', () => {
  expect(parseJson(nested(MAX_JSON_DEPTH))).toBeDefined();
  expect(whyNot(nested(MAX_JSON_DEPTH + 1))).toBe('too-deep');
  expect(whyNot('{"a":'.repeat(MAX_JSON_DEPTH + 1))).toBe('too-deep');
  expect(whyNot(nested(200_000))).toBe('too-deep');
});

test.each([
  ['brackets in a string', `["${'['.repeat(500)}"]`],
  ['brackets after an escaped quote', `["\\"${'{'.repeat(500)}"]`],
  ['a string that ends in a backslash', `["\\\\",${nested(3)}]`],
  ['many values side by side', `[${'[],'.repeat(500)}{}]`],
])('%s nest nothing', (_, text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test('a byte order mark before the text is passed over, as RFC 8259 allows; anywhere else it is none', () => {
  const mark = '\uFEFF';
  expect(parseJson(`${mark}{"a":"${mark}"}`)).toEqual({ a: mark });
  expect(whyNot(`${mark}${mark}{}`)).toBe('malformed');
  expect(whyNot(`{}${mark}`)).toBe('malformed');
  expect(whyNot(mark)).toBe('malformed');
});

test('brackets after a string that ends in a backslash count', () => {
  expect(whyNot(`["\\\\",${nested(MAX_JSON_DEPTH)}]`)).toBe('too-deep');
});

test('text that is no JSON is refused, and the error quotes nothing of it', () => {
  for (const text of ['', '{"key":', 'secret', '"secret', '\\"secret', ']'.repeat(9_999)]) {
    expect(whyNot(text)).toBe('malformed');
  }
  const error = refusalOf('{"secret": oops}');
  expect(`${error.message} ${error.stack}`).not.toContain('secret');
  expect(error.cause).toBeUndefined();
});

function refusalOf(text: string): UnreadableJson {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof UnreadableJson) return error;
    throw error;
  }
  throw new Error('it was read');
}

function whyNot(text: string): UnreadableJson['why'] {
  return refusalOf(text).why;
}
