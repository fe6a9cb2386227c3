import { type Generation, isFinal } from './generation.ts';

/** Where a generation stands among those that wait for a provider, or are worked on there. */

/** `batch`: a catalogue run, which comes after the shoppers who wait. */
export const LANES = ['interactive', 'batch'] as const;
export type Lane = (typeof LANES)[number];

/** What is tried again stays behind live work. */
export function laneOf(g: Pick<Generation, 'lane' | 'redriveOf'>): Lane {
  return g.lane ?? (g.redriveOf === undefined ? 'interactive' : 'batch');
}

/**
 * - `running`: the provider may be working on it, since then (Unix ms); `needsTurn`: it is about to be
 *   sent, and must not be unless its turn is still its own.
 * - `waits`: for something else than its turn. `ended`: it has no place any more.
 * - `unchanged`: in line, or about to be sent.
 */
export type Standing =
  | { readonly kind: 'running'; readonly since: number; readonly needsTurn: boolean }
  | { readonly kind: 'waits' | 'ended' | 'unchanged' };

export function standingOf(g: Generation, now: number): Standing {
  if (isFinal(g)) return { kind: 'ended' };
  switch (g.state) {
    case 'queued':
      return { kind: g.hold && g.hold.until > now ? 'waits' : 'unchanged' };
    case 'submitting':
      // A repeat of what may be running has its place already.
      return { kind: 'running', since: g.firstSentAt, needsTurn: !g.uncertain };
    case 'unconfirmed':
      return { kind: 'running', since: g.firstSentAt, needsTurn: false };
    case 'submitted':
      return { kind: 'running', since: g.submittedAt, needsTurn: false };
  }
}

/** Whether a status check is what it owes next; checks have a budget of their own. */
export function owesCheck(g: Generation): boolean {
  if (g.state === 'submitted') return true;
  return 'lastCheckAt' in g && g.lastCheckAt !== undefined && g.dueAt === g.lastCheckAt;
}
