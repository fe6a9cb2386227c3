import { expect, test } from 'vitest';
import { inspect } from '../../src/vault/inspect/inspect.ts';
import { PICTURES, video } from './pictures.ts';

/** Walks along the bytes in pieces of this size. */
function look(bytes: Buffer, claims: readonly string[] = [], pieceBytes = 1_000) {
  const inspection = inspect();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    inspection.add(bytes.subarray(at, at + pieceBytes));
  }
  return inspection.end(claims);
}

const SIZE = { width: 97, height: 61 };
const NAMES = Object.keys(PICTURES);

test.each(NAMES)('a whole %s is known, with its size, in pieces of any length', async (name) => {
  const bytes = await (PICTURES[name] as () => Promise<Buffer>)();
  const contentType = name.split(',')[0];
  for (const pieceBytes of [1, 7, 4_096, bytes.length]) {
    expect(look(bytes, [contentType ?? ''], pieceBytes)).toEqual({ contentType, ...SIZE });
  }
});

test.each(NAMES)('a %s that ends too early is refused, wherever it ends', async (name) => {
  const bytes = await (PICTURES[name] as () => Promise<Buffer>)();
  const ends = [0, 1, 15, 40, Math.floor(bytes.length / 2), bytes.length - 40, bytes.length - 1];
  for (const end of ends)
    expect(() => look(bytes.subarray(0, end), ['image/*']), `${end}`).toThrow();
});

test.each([{ large: false }, { large: true }])(
  'a whole video is known, and half of one refused',
  (how) => {
    const bytes = video(how);
    const found = { contentType: 'video/mp4', width: 640, height: 360 };
    for (const pieceBytes of [1, 13, bytes.length])
      expect(look(bytes, ['video/mp4'], pieceBytes)).toEqual(found);
    for (const end of [20, 600, 5_010, bytes.length - 3]) {
      expect(() => look(bytes.subarray(0, end)), `${end}`).toThrow();
    }
  },
);

test('a picture may be another kind of picture than its host says, but nothing else', async () => {
  const png = await (PICTURES['image/png'] as () => Promise<Buffer>)();
  expect(look(png, ['image/jpeg; charset=binary', 'application/octet-stream']).contentType).toBe(
    'image/png',
  );
  expect(() => look(png, ['video/mp4'])).toThrow('video');
  expect(() => look(Buffer.from('{"error":"gone"}'), ['image/png'])).toThrow('image');
  expect(() => look(video(), ['image/png'])).toThrow('image');
});

test('a page is no result, whatever it claims to be', () => {
  const page = Buffer.from('<!doctype html><title>Sorry</title>'.padEnd(500));
  for (const claim of ['text/html; charset=utf-8', 'image/png', 'application/octet-stream']) {
    expect(() => look(page, [claim]), claim).toThrow();
  }
});

test('what nobody here can tell is kept as bytes', () => {
  const bytes = Buffer.alloc(300, 3);
  expect(look(bytes, ['model/obj']).contentType).toBe('application/octet-stream');
  expect(
    look(Buffer.from(`  {"a": [1,2]}\n${' '.repeat(50)}`), ['application/json']).contentType,
  ).toBe('application/json');
  expect(() => look(Buffer.from('{"a": [1,2'), ['application/json'])).toThrow();
});

test('nothing at all, and a picture of no size, are refused', () => {
  expect(() => look(Buffer.alloc(0))).toThrow('empty');
  const none = Buffer.from(
    '89504e470d0a1a0a0000000d49484452000000000000000008020000000000000000',
    'hex',
  );
  expect(() => look(none)).toThrow();
});

test.each(NAMES)('a %s with any of its bytes changed never makes it run away', async (name) => {
  const bytes = await (PICTURES[name] as () => Promise<Buffer>)();
  const step = Math.max(1, Math.floor(bytes.length / 300));
  for (let at = 0; at < bytes.length; at += step) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    try {
      look(damaged);
    } catch (error) {
      expect((error as Error).name, `${at}`).toBe('Error');
    }
  }
});
