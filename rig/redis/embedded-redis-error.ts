/** What went wrong; callers and tests go by this, never by the message. */
export type EmbeddedRedisErrorCode =
  | 'not_installed'
  | 'install_failed'
  | 'too_old'
  | 'data_folder_busy'
  | 'did_not_start';

/** The embedded Redis cannot be had. The message says what the reader can do about it. */
export class EmbeddedRedisError extends Error {
  readonly code: EmbeddedRedisErrorCode;

  constructor(code: EmbeddedRedisErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedRedisError';
    this.code = code;
  }
}
