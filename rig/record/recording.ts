import { z } from 'zod';
import { fileTypeOf } from '../../src/outbound/file-type.ts';
import type { HttpAnswer, HttpRequest } from '../../src/outbound/http-client.ts';
import { type Private, shapeOfText, shapeOfValue, templateOf } from './placeholders.ts';
import type { RawExchange } from './recorder.ts';

/** One call without anything private in it. */
export const Exchange = z.object({
  step: z.string(),
  method: z.string(),
  /** A template: `/v1/status/{id}?taskId`. */
  path: z.string(),
  request: z.object({ headers: z.array(z.string()), body: z.unknown() }),
  /** Null where none came. */
  answer: z
    .object({
      status: z.number(),
      /** The values of those that limits and types are read from; of the others only the names. */
      headers: z.record(z.string(), z.string().nullable()),
      body: z.unknown(),
    })
    .nullable(),
});
export type Exchange = z.infer<typeof Exchange>;

/** What `catwalk record` writes: how one generation went over the wire. */
export const Recording = z.object({
  provider: z.string(),
  model: z.string(),
  /** The day, which is what ASSUMPTIONs are proven by. */
  recorded: z.string(),
  /** How it ended, as our adapter understood it. */
  end: z.string(),
  exchanges: z.array(Exchange),
});
export type Recording = z.infer<typeof Recording>;

const SHOWN_HEADER = /^(content-type|retry-after|(x-)?rate-?limit[\w-]*)$/i;

/** @param base the path that every address begins with, such as a simulator's `/fashn`. */
export function exchangeOf(raw: RawExchange, about: Private, base: string): Exchange {
  const { step, request, answer } = raw;
  return {
    step,
    method: request.method,
    path: templateOf(request.url, about, base),
    request: {
      headers: Object.keys(request.headers ?? {})
        .map((name) => name.toLowerCase())
        .sort(),
      body: requestBody(request, about),
    },
    answer: answer
      ? {
          status: answer.status,
          headers: headersOf(answer, about),
          body: bodyOf(answer.body, about),
        }
      : null,
  };
}

function headersOf({ headers }: HttpAnswer, about: Private): Record<string, string | null> {
  const shown = Object.entries(headers).map(([name, value]) => {
    const text = Array.isArray(value) ? value[0] : value;
    return [name, text !== undefined && SHOWN_HEADER.test(name) ? shapeOfText(text, about) : null];
  });
  return Object.fromEntries(shown.sort());
}

/** What an app wrote is its own: a text with spaces is no more than `<text>`. */
function requestBody(request: HttpRequest, about: Private): unknown {
  const { json, body } = request;
  if (json !== undefined) return withoutWords(shapeOfValue(json, about));
  if (body === undefined) return null;
  if (typeof body === 'string') return withoutWords(bodyOf(Buffer.from(body), about));
  if (Buffer.isBuffer(body)) return bodyOf(body, about);
  const fields = [...body.entries()].map(([name, value]) => [
    shapeOfText(name, about),
    typeof value === 'string' ? shapeOfText(value, about) : `<file ${value.type}>`,
  ]);
  return withoutWords({ '<form>': Object.fromEntries(fields) });
}

function withoutWords(value: unknown): unknown {
  if (typeof value === 'string') {
    return /\s/.test(value) && !/^<file \S+>$/.test(value) ? '<text>' : value;
  }
  if (Array.isArray(value)) return value.map(withoutWords);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withoutWords(item)]),
  );
}

/** JSON as its shape; of anything else only what kind of thing it is. */
function bodyOf(bytes: Buffer, about: Private): unknown {
  if (bytes.length === 0) return null;
  const type = fileTypeOf(bytes);
  if (type) return `<bytes ${type.type}>`;
  try {
    return shapeOfValue(JSON.parse(bytes.toString('utf8')), about);
  } catch {
    return /^\s*</.test(bytes.subarray(0, 100).toString('utf8')) ? '<html>' : '<bytes>';
  }
}

/**
 * The recording as a file's text. A last look at the whole, beside the rules that made it.
 * @throws Error when a secret, an address or a run of bytes is in it all the same; then nothing may
 *   be written.
 */
export function encode(recording: Recording, { secrets }: Private): string {
  const text = `${JSON.stringify(recording, null, 2)}\n`;
  const isSafe =
    secrets.every((secret) => !text.includes(secret)) &&
    !/https?(:|%3a)(\/|%2f){2}/i.test(text) &&
    !/[\w+/=]{200,}/.test(text);
  if (isSafe) return text;
  throw new Error('The recording still holds something private: it is not written.');
}
