/** How long what callers name may be. Said once, and so the same in settings, API and library. */

export const TENANT = {
  pattern: /^[\w.-]{1,64}$/,
  words: '1-64 letters, digits, - _ or .',
} as const;

/** Characters of an app's `Idempotency-Key`. */
export const MAX_IDEMPOTENCY_KEY = 255;

/** Of a request's `metadata`, as JSON. */
export const MAX_METADATA_BYTES = 4096;

/**
 * Of a request's `input`, in characters, as JSON. MAX_BODY_BYTES is never larger, so only a caller of
 * the library can meet it. Pictures are sent as URLs.
 */
export const MAX_INPUT_CHARACTERS = 1024 * 1024;
