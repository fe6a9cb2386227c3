import type { Random } from '../rig/random.ts';

/** A value for one field of a JSON text that its reader is not prepared for, already as text. */
export type EvilValue = readonly [what: string, text: string];

export const DEPTHS = [60, 1_000, 5_000, 20_000];

/** Valid JSON each, but for the numbers that only look like it. */
export function evilValues(chance: Random): readonly EvilValue[] {
  const depth = chance.pick(DEPTHS);
  return [
    [`${depth} nested lists`, '['.repeat(depth) + ']'.repeat(depth)],
    [`${depth} nested objects`, `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`],
    ['a huge number', '1e999'],
    ['a number of 5,000 digits', '9'.repeat(5_000)],
    ['2^53 + 1', '9007199254740993'],
    ['minus zero', '-0'],
    ['null', 'null'],
    ['true', 'true'],
    ['a number', String(chance.below(1_000_000))],
    ['an empty object', '{}'],
    ['a list of nulls', `[${Array(500).fill('null').join(',')}]`],
    ['an empty text', '""'],
    ['a lone surrogate', '"\\ud800"'],
    ['NUL', '"\\u0000"'],
    ['control characters', '"\\u0001\\u001b[2J\\r\\nSet-Cookie: a=b"'],
    ['text from right to left', '"\\u202egnp.exe"'],
    ['__proto__', '{"__proto__":{"isAdmin":true}}'],
    ['constructor', '{"constructor":{"prototype":{"isAdmin":true}}}'],
    ['toString and length', '{"toString":1,"length":-1,"then":"x"}'],
    ['a long text', JSON.stringify('x'.repeat(3_000))],
    ['a template', '"{{7*7}}<%=7*7%><script>alert(1)</script>"'],
    ['a query', `"' OR 1=1 --; \\u0000; EVAL 'return 1' 0"`],
    ['an object with 2,000 keys', `{${Array.from({ length: 2_000 }, (_, i) => `"k${i}":0`)}}`],
  ];
}

/** Bytes that are no JSON at all, or none in UTF-8. */
export function brokenBytes(chance: Random, json: string): readonly [string, Buffer][] {
  const depth = chance.pick(DEPTHS);
  return [
    ['nothing', Buffer.alloc(0)],
    ['white space', Buffer.from(' \r\n\t ')],
    ['half of it', Buffer.from(json.slice(0, Math.floor(json.length / 2)))],
    ['two of it', Buffer.from(json + json)],
    ['single quotes', Buffer.from(json.replaceAll('"', "'"))],
    ['a comment', Buffer.from(`/* */${json}`)],
    ['a trailing comma', Buffer.from(json.replace(/}$/, ',}'))],
    ['NaN', Buffer.from('{"id":NaN}')],
    [
      'XML',
      Buffer.from('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
    ],
    ['a form', Buffer.from('id=1&status=completed&__proto__[a]=b')],
    ['random bytes', chance.bytes(1 + chance.below(200))],
    ['invalid UTF-8', Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff, 0xc0, 0x80])])],
    ['UTF-16', Buffer.from(`\ufeff${json}`, 'utf16le')],
    ['NUL bytes', Buffer.from(json.replaceAll(',', '\u0000,'))],
    [`${depth} open brackets`, Buffer.from('['.repeat(depth))],
    [`${depth} open objects`, Buffer.from('{"a":'.repeat(depth))],
  ];
}
