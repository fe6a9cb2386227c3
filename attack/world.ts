import { Agent } from 'undici';
import type { Answer, Attempt } from './attempt.ts';
import { judge } from './attempt.ts';
import type { Overheard, Target } from './messages.ts';
import { type RawTalk, talk } from './raw-socket.ts';

/** One HTTP request as an attacker writes it. */
interface Shot {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  readonly path: string;
  /** Another web process than the usual one. */
  readonly origin?: string;
  /** A list of names and values where one is repeated. */
  readonly headers?: Readonly<Record<string, string>> | readonly string[];
  readonly body?: Buffer | string;
}

/** What an attacker knows and can do. */
export interface World {
  readonly target: Target;
  /** Authentic deliveries that were overheard, those of signed dialects among them. */
  overheard(): readonly Overheard[];
  send(shot: Shot): Promise<Answer>;
  /** Also what came back, for the few attempts that look into it. */
  read(shot: Shot): Promise<{ status: number; text: string }>;
  talk(raw: RawTalk): Promise<Answer>;
  /** The attempt that sends `shot`, and may be answered `allowed` only. */
  shot(what: string, allowed: readonly number[], shot: Shot): Attempt;
  /** The attempt that writes to a bare socket. */
  rawShot(what: string, allowed: readonly number[], raw: RawTalk): Attempt;
  close(): Promise<void>;
}

/** Redis may take 5 s to be called away; the rest is for a busy machine. */
const ANSWER_MS = 12_000;

export function createWorld(target: Target): World {
  const agent = new Agent({
    connections: 32,
    pipelining: 1,
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });

  async function read({ method = 'POST', origin, path, headers, body }: Shot) {
    const answer = await agent.request({
      origin: origin ?? target.url,
      path,
      method,
      headers: headers ? asList(headers) : null,
      body: body ?? null,
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  async function send(shot: Shot): Promise<Answer> {
    try {
      const { status } = await read(shot);
      return { statuses: [status], isSilent: false };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      return { statuses: [], isSilent: /UND_ERR_(HEADERS|BODY)_TIMEOUT/.test(code) };
    }
  }

  const talkTo = (raw: RawTalk): Promise<Answer> => talk(target.port, raw);
  const attempt = (what: string, allowed: readonly number[], act: () => Promise<Answer>) => ({
    what,
    run: async () => judge(await act(), allowed, target.isRedisAway),
  });
  return {
    target,
    overheard: () => target.overheard,
    send,
    read,
    talk: talkTo,
    shot: (what, allowed, shot) => attempt(what, allowed, () => send(shot)),
    rawShot: (what, allowed, raw) => attempt(what, allowed, () => talkTo(raw)),
    close: () => agent.destroy(),
  };
}

/** Names and values in turn, as undici takes headers of which one may be repeated. */
function asList(headers: NonNullable<Shot['headers']>): string[] {
  return isList(headers) ? [...headers] : Object.entries(headers).flat();
}

function isList(headers: NonNullable<Shot['headers']>): headers is readonly string[] {
  return Array.isArray(headers);
}

/** The headers of an app of `mallory`, a tenant like any other. */
export function asMallory(target: Target): Record<string, string> {
  return { authorization: `Bearer ${target.malloryKey}`, 'content-type': 'application/json' };
}
