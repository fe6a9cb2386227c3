import type { Random } from '../rig/random.ts';
import type { RawTalk } from './raw-socket.ts';
import type { World } from './world.ts';

/** Bytes for a bare socket, and how they may be answered. */
export interface RawRequest {
  readonly what: string;
  readonly allowed: readonly number[];
  readonly raw: Omit<RawTalk, 'withinMs'>;
}

/** What lets nothing in. */
const REFUSALS = [400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 426, 431];

type Parts = readonly (Buffer | string)[];

const refused = (what: string, ...parts: Parts): RawRequest => ({
  ...{ what, allowed: REFUSALS },
  raw: { parts },
});

/** Harmless enough to be answered. */
const answered = (what: string, ...parts: Parts): RawRequest => ({
  ...{ what, allowed: [200, ...REFUSALS] },
  raw: { parts },
});

/** Says less than a request, and closes its half: nothing has to wait for a timeout. */
const unfinished = (what: string, ...parts: Parts): RawRequest => ({
  ...{ what, allowed: REFUSALS },
  raw: { parts, endsWriting: true },
});

const get = (target: string, ...headers: string[]): string =>
  `GET ${target} HTTP/1.1\r\n${['Host: a', ...headers].join('\r\n')}\r\n\r\n`;
/** The one door that reads a stranger's body. */
const post = (...headers: string[]): string =>
  ['POST /webhooks/vtryon HTTP/1.1', 'Host: a', ...headers, '', ''].join('\r\n');

/** Behind its head hides a request with a tenant's key; its 200 would be the second answer. */
export function smuggling(world: World, chance: Random): readonly RawRequest[] {
  const key = `Authorization: Bearer ${world.target.malloryKey}`;
  const hidden = get('/v1/callback-secret', key);
  const [length, chunked, end] = ['Content-Length: 4', 'Transfer-Encoding: chunked', '0\r\n\r\n'];
  const odd = chance.pick([
    'Transfer-Encoding : chunked',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding:\tchunked\u000b',
    'Transfer-Encoding: chunked, identity',
    ' Transfer-Encoding: chunked',
    'Transfer-Encoding\u0000: chunked',
    'X: y\nTransfer-Encoding: chunked',
  ]);
  const two = ['Content-Length: 0', `Content-Length: ${hidden.length}`];
  return [
    refused('both lengths', post(length, chunked), end, hidden),
    refused('both lengths, the other way', post(chunked, length), end, hidden),
    refused('two lengths', post(...two), hidden),
    refused('a list of lengths', post('Content-Length: 0, 5'), hidden),
    refused('a negative length', post('Content-Length: -1'), hidden),
    refused('a length with a sign', post('Content-Length: +0'), hidden),
    refused('a huge length', post('Content-Length: 99999999999999999999'), hidden),
    refused('an odd transfer encoding', post('Content-Length: 0', odd), end, hidden),
    refused('a folded header', post('X: a', ` ${chunked}`), end, hidden),
    refused('line feeds alone', 'POST /webhooks/vtryon HTTP/1.1\nHost: a\n\n'),
  ];
}

export function chunks(_world: World, chance: Random): readonly RawRequest[] {
  const head = post('Content-Type: application/json', 'Transfer-Encoding: chunked');
  const large = Array<string>(8).fill(`10000\r\n${'x'.repeat(65_536)}\r\n`);
  const size = chance.pick(['zz', '-5', '0x10', 'ffffffffffffffff', '', '5 5', '1\u0000']);
  const end = '0\r\n\r\n';
  return [
    refused('a chunk size that is none', head, `${size}\r\nhello\r\n${end}`),
    refused('a chunk longer than it says', head, `3\r\nhello\r\n${end}`),
    refused('a long chunk extension', head, `1;${'a'.repeat(60_000)}\r\nx\r\n${end}`),
    refused('one byte a chunk', head, '1\r\nx\r\n'.repeat(500), end),
    refused('more chunks than may be', head, ...large, end),
    refused('trailers', head, '1\r\nx\r\n0\r\nContent-Length: 5\r\nAuthorization: a\r\n\r\n'),
    refused('many trailers', head, `0\r\n${'X: y\r\n'.repeat(5_000)}\r\n`),
    unfinished('no last chunk', head, '5\r\nhello\r\n'),
    unfinished('a body cut off', post('Content-Length: 500'), '{"id":'),
  ];
}

export function heads(world: World, chance: Random): readonly RawRequest[] {
  const line = (target: string, method: string): string => `${method} ${target} HTTP/1.1\r\n`;
  const method = chance.word(6).toUpperCase();
  const key = `Authorization: Bearer ${world.target.malloryKey}`;
  return [
    unfinished('random bytes', chance.bytes(1 + chance.below(300))),
    unfinished('half a request line', 'GET /v1/mod'),
    refused('no host', `${line('/livez', 'GET')}\r\n`),
    answered('two hosts', get('/livez', 'Host: b')),
    refused('a header of 20 KB', get('/livez', `X: ${'a'.repeat(20_000)}`)),
    answered('3,000 headers', get('/livez', ...Array<string>(3_000).fill('a: b'))),
    refused('a target of 70 KB', get(`/${'a'.repeat(70_000)}`)),
    refused('an absolute target', get('http://169.254.169.254/latest/meta-data')),
    refused('an authority as target', `${line('127.0.0.1:6379', 'CONNECT')}Host: a\r\n\r\n`),
    refused('an asterisk', get('*')),
    refused('NUL in the target', get('/v1/models\u0000.png')),
    refused('NUL in a header', get('/livez', 'X: a\u0000b')),
    refused('a space in the target', get('/livez /v1/models')),
    refused('an unknown method', `${line('/livez', method)}Host: a\r\n\r\n`),
    refused('TRACE', `${line('/v1/models', 'TRACE')}Host: a\r\nCookie: a=b\r\n\r\n`),
    refused('a key behind a line feed', get('/v1/models', `X: a\n${key}`)),
  ];
}

export function otherProtocols(): readonly RawRequest[] {
  const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
  const webSocket = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  return [
    refused('HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    answered('an upgrade to HTTP/2', get('/livez', ...upgrade, 'Upgrade: h2c')),
    refused('an upgrade to WebSocket', get('/v1/models', ...webSocket)),
    unfinished('a TLS hello', Buffer.from('16030100a5010000a10303', 'hex')),
    unfinished('HTTP/0.9', 'GET /v1/models\r\n'),
    answered('HTTP/1.0', 'GET /livez HTTP/1.0\r\n\r\n'),
    refused('HTTP/3.7', 'GET /livez HTTP/3.7\r\nHost: a\r\n\r\n'),
    refused('Redis', '*1\r\n$8\r\nFLUSHALL\r\n'),
    unfinished('SMTP', 'EHLO a\r\nMAIL FROM:<a@b>\r\n'),
    refused('a PROXY line', `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${get('/v1/models')}`),
    unfinished('nothing at all'),
    refused('an expectation', post('Content-Length: 9999999', 'Expect: 200-maybe')),
  ];
}

/** Harmless requests, many at a time. */
export function pipelines(_world: World, chance: Random): readonly RawRequest[] {
  const one = get('/livez');
  const stranger = `${post('Content-Length: 2')}{}`;
  const byteForByte = { parts: Array.from(one), pauseMs: chance.below(3) };
  return [
    answered('forty requests at once', one.repeat(40)),
    answered('good ones and refused ones', (one + stranger).repeat(20)),
    { what: 'byte for byte', allowed: [200], raw: byteForByte },
    answered('a request behind Connection: close', get('/livez', 'Connection: close'), stranger),
  ];
}
