import { expect, test } from 'vitest';
import * as ours from '../../src/generation/errors.ts';

test('what another copy of this package throws is understood by its kind', async () => {
  // A query makes the module loader load the file a second time, as a second package would.
  const again = '../../src/generation/errors.ts?another-copy';
  const theirs = (await import(/* @vite-ignore */ again)) as typeof ours; // the same file
  expect(theirs.Retryable).not.toBe(ours.Retryable);

  const later = new theirs.Retryable('rate_limited', 'not now', { retryAfterMs: 5 });
  expect(later instanceof ours.Retryable).toBe(true);
  expect(later instanceof ours.CatwalkError).toBe(true);
  expect(later instanceof ours.Terminal).toBe(false);
  expect(new theirs.Terminal('invalid_input', 'no') instanceof ours.Terminal).toBe(true);
  expect(new theirs.OutcomeUnknown('no_answer', '?') instanceof ours.OutcomeUnknown).toBe(true);
});

test('a kind of a kind is both, and its parent is not it', () => {
  class Gone extends ours.Terminal {}
  expect(new Gone('gone', 'gone') instanceof ours.Terminal).toBe(true);
  expect(new Gone('gone', 'gone') instanceof Gone).toBe(true);
  expect(new ours.Terminal('gone', 'gone') instanceof Gone).toBe(false);
});

test('nothing else passes for one of ours', () => {
  for (const other of [new Error('x'), null, undefined, 'Retryable', { name: 'Retryable' }]) {
    expect(other instanceof ours.CatwalkError).toBe(false);
  }
});
