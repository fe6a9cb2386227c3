import type { EventOf } from './events.ts';
import type { InState, SignedWord } from './generation.ts';

/**
 * What a signed delivery says that was matched by its task's number alone. The status check decides;
 * only if for minutes none can confirm or deny it, the signed word does. Decision 12 says why.
 */

/**
 * How far the end that an authentic delivery tells decides. `always`: at once. `if-checks-fail`: it
 * asks for a status check, and is believed if none can tell for minutes. `never`: it asks for one.
 */
export type Belief = 'always' | 'if-checks-fail' | 'never';

/** So long the checks may fail, or not know the task, before the word is believed. */
export const BELIEVED_AFTER_MS = 3 * 60_000;

/** The record with the word of this delivery. The first one stays, save that a result counts more. */
export function withWord(
  g: InState<'submitted'>,
  { said, taskId }: EventOf<'hint'>,
  now: number,
): InState<'submitted'> {
  if (!said || g.said?.outcome.verdict === 'completed') return g;
  const isResult = said.outcome.verdict === 'completed';
  if (!isResult && (g.said || taskId !== g.task.id)) return g;
  return { ...g, said: { ...said, at: g.said?.at ?? now } };
}

/** The word that is believed by now; undefined while a check may still tell. */
export function believedWord(
  { said }: { readonly said?: SignedWord | undefined },
  now: number,
): SignedWord | undefined {
  return said && now >= said.at + BELIEVED_AFTER_MS ? said : undefined;
}

/** A check that was asked after the word found the task alive: the word was about another one. */
export function withoutDeniedWord(
  g: InState<'submitted'>,
  event: EventOf<'observed-live'>,
  now: number,
): InState<'submitted'> {
  const { said, ...rest } = g;
  const isDenied = event.source === 'poll' && said && (event.askedAt ?? now) >= said.at;
  return isDenied ? rest : g;
}
