import type { RepeatSubmit } from '../../src/generation/rules.ts';

/** What the provider has. The suite checks each to be true of the adapter: also what it lacks. */
export interface Declaration {
  readonly webhook: 'none' | 'request' | 'account';
  /** With default settings. `none` when there is no webhook. */
  readonly trust: 'signature' | 'hint' | 'none';
  readonly signature: 'none' | 'hex-hmac-sha256' | 'standard-webhooks' | 'ed25519-jwks';
  readonly repeatSubmit: RepeatSubmit;
  readonly inputs: 'url' | 'upload';
  readonly results: readonly ('url' | 'bytes' | 'data')[];
  readonly cancel: boolean;
  readonly account: boolean;
  readonly prepare: boolean;
  readonly lookUp: boolean;
  /** Whether a submission may be answered with the result itself. */
  readonly inline: boolean;
  /** Whether checks follow an address that the submission brought. */
  readonly handle: boolean;
}

/** A provider that is polled, takes and brings links, and has nothing else. */
export const PLAIN: Declaration = {
  webhook: 'none',
  trust: 'none',
  signature: 'none',
  repeatSubmit: 'none',
  inputs: 'url',
  results: ['url'],
  cancel: false,
  account: false,
  prepare: false,
  lookUp: false,
  inline: false,
  handle: false,
};
