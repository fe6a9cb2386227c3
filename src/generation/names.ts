/**
 * The name of a provider or a subscriber: also part of queue names, Redis keys and paths, and so of
 * few characters and no `:`.
 */
export const NAME = {
  pattern: /^[a-z][a-z0-9-]{0,39}$/,
  words: '1-40 of a-z, 0-9 and -, the first a letter',
} as const;
