import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** One delivery of a completion event, or of a late result, to the subscriber. */
export interface Heard {
  /** The event's; the same at every repeat. */
  readonly eventId: string;
  readonly generationId: string;
  readonly outcome: string;
  readonly reason: string | null;
  /** When it was written down, Unix ms. */
  readonly atMs: number;
  /** It tells a late result. */
  readonly isLate?: true;
}

/** Writes a delivery down before the subscriber says that it has it. One line, so one write. */
export function writeHeard(file: string, heard: Omit<Heard, 'atMs'>): void {
  appendFileSync(file, `${JSON.stringify({ ...heard, atMs: Date.now() } satisfies Heard)}\n`);
}

/** Everything that was written down, in its order. */
export async function readHeard(file: string): Promise<Heard[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  // Written by writeHeard alone.
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Heard);
}
