/**
 * What an adapter of your own is made of: `import { … } from 'catwalk/provider-kit'`. The built-in
 * adapters use the same pieces. See docs/adding-a-provider.md.
 */
export {
  InvalidRequest,
  OutcomeUnknown,
  Retryable,
  Terminal,
} from './generation/errors.ts';
export type { Outcome, ProviderTask } from './generation/generation.ts';
export { createFetchedCopy, type FetchedCopy } from './outbound/fetched-copy.ts';
export type { HttpAnswer, HttpClient, HttpRequest } from './outbound/http-client.ts';
export type { ImageSource, LoadedImage } from './outbound/image-source.ts';
export { createKeySet, type KeySet } from './outbound/jwks.ts';
export { checkPictures, loadAll, multipart } from './outbound/multipart.ts';
export { verifyHexHmac, verifyStandard } from './outbound/signature.ts';
export { ImageUrl } from './outbound/url-policy.ts';
export {
  type AccessToken,
  type AccessTokens,
  createAccessTokens,
} from './providers/access-token.ts';
export { type Deadline, startDeadline } from './providers/deadline.ts';
export { expiring, signedUntil } from './providers/expiring.ts';
export type { FileStore } from './providers/files.ts';
export { createKeptAddresses, type KeptAddresses } from './providers/kept-addresses.ts';
export { completedFrom } from './providers/kept-results.ts';
export type { ProviderModule } from './providers/modules.ts';
export type * from './providers/provider.ts';
export {
  InvalidProviderSettings,
  limitsFor,
  type ProviderFactory,
  type ProviderOptions,
  taskPathOf,
} from './providers/provider-settings.ts';
export {
  beginningOf,
  explain,
  failed,
  MODERATION_WORDS,
  REASONS,
  type ReasonCode,
  type ReasonWords,
  reasonIn,
} from './providers/reasons.ts';
export { deferral, refusal } from './providers/refusal.ts';
export {
  base64Bytes,
  completedWith,
  completedWithData,
  LooseText,
  ownUrl,
  parseInput,
  parseWebhook,
  providerUrl,
  statusWord,
  TaskId,
} from './providers/wire-values.ts';
