import { connect, type Socket } from 'node:net';
import type { Answer } from './attempt.ts';

/** What is written to a bare socket. */
export interface RawTalk {
  readonly parts: readonly (Buffer | string)[];
  /** Between the parts. */
  readonly pauseMs?: number;
  /** Closes our half after the last part. */
  readonly endsWriting?: boolean;
  /** By then it must have been answered or closed. */
  readonly withinMs: number;
  /** Waits for the close itself, also after an answer. */
  readonly untilClosed?: boolean;
  /** Goes on writing this, every `pauseMs`, for as long as the connection lives. */
  readonly forEver?: Buffer | string;
  /** Another loopback address to come from. */
  readonly from?: string;
}

/** Enough for a pipeline's answers to arrive after the first one. */
const LAST_WORDS_MS = 150;
const MOST_KEPT = 64 * 1024;

/** Never rejects: a connection that breaks is one that was closed. */
export function talk(port: number, raw: RawTalk): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      ...(raw.from && { localAddress: raw.from }),
      // Whoever is half closed may still be answered.
      allowHalfOpen: true,
    });
    let heard = '';
    const timers: NodeJS.Timeout[] = [];
    const finish = (isSilent: boolean): void => {
      for (const timer of timers) clearTimeout(timer);
      socket.destroy();
      resolve({ statuses: statusesIn(heard), isSilent });
    };
    const after = (ms: number, act: () => void): void => void timers.push(setTimeout(act, ms));

    after(raw.withinMs, () => finish(raw.untilClosed === true || heard === ''));
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('end', () => finish(false));
    socket.on('data', (bytes) => {
      const isFirst = heard === '';
      if (heard.length < MOST_KEPT) heard += bytes.toString('latin1');
      if (isFirst && !raw.untilClosed) after(LAST_WORDS_MS, () => finish(false));
    });
    socket.on('connect', () => write(socket, raw, after));
  });
}

function write(socket: Socket, raw: RawTalk, after: (ms: number, act: () => void) => void): void {
  const [...left] = raw.parts;
  const pauseMs = raw.pauseMs ?? 0;
  const next = (): void => {
    if (socket.destroyed) return;
    const part = left.shift() ?? raw.forEver;
    if (part !== undefined) socket.write(part);
    if (left.length > 0 || raw.forEver !== undefined) after(pauseMs, next);
    else if (raw.endsWriting) socket.end();
  };
  next();
}

/** Also the ones behind the first: a smuggled request is answered like any other. */
function statusesIn(heard: string): number[] {
  return [...heard.matchAll(/^HTTP\/1\.[01] (\d{3})\b/gm)].map(([, status]) => Number(status));
}
