import { z } from 'zod';

/**
 * A word of a closed list. What we write is one of the list, or it does not compile; what we read
 * may hold a word that another release wrote, and is kept as it is: one odd word must not make a
 * record or a job unreadable.
 */
export function wordOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words).or(z.string().brand('WordOfAnotherRelease'));
}
