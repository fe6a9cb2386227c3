import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export type OnLine = (line: string, from: 'stdout' | 'stderr') => void;

/** As many are kept, for the error when it fails. */
export const LAST_LINES = 30;

/** Its last lines, and whoever waits for one. Nothing where it writes to a file. */
export function readLines(child: ChildProcess, onLine: OnLine = () => {}) {
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  for (const from of ['stdout', 'stderr'] as const) {
    const stream = child[from];
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > LAST_LINES) lines.shift();
      onLine(line, from);
      for (const listener of waiting) listener(line);
    });
  }
  const listen = (matches: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve) => {
      const listener = (line: string): void => {
        const found = matches.exec(line);
        if (!found) return;
        waiting.delete(listener);
        resolve(found);
      };
      waiting.add(listener);
      lines.slice().forEach(listener);
    });
  return { lines, listen };
}
