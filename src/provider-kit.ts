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
export { ImageUrl } from './generation/image-url.ts';
export type { HttpAnswer, HttpClient } from './providers/http-client.ts';
export type { ProviderModule } from './providers/modules.ts';
export type * from './providers/provider.ts';
export { limitsFor, type ProviderOptions } from './providers/provider-settings.ts';
export { explain, failed, REASONS, type ReasonCode } from './providers/reasons.ts';
export { deferral, refusal } from './providers/refusal.ts';
export { verifyHexHmac, verifyStandard } from './providers/signature.ts';
export {
  base64Bytes,
  completedWith,
  LooseText,
  ownUrl,
  parseInput,
  parseWebhook,
  providerUrl,
  statusWord,
  TaskId,
} from './providers/wire-values.ts';
