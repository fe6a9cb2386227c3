import type { z } from 'zod';
import type { Observation } from '../generation/events.ts';
import type { Charge, Outcome, ProviderTask } from '../generation/generation.ts';
import type { PollProfile } from '../generation/poll-timing.ts';
import type { Belief } from '../generation/signed-word.ts';

export type { Observation };

/** How slow a kind of model is; each type has its poll profile in the settings. */
export type ModelType = 'image-fast' | 'image-quality' | 'video' | 'audio' | 'exponential';

/** One model of a provider, in our words. */
export interface Model {
  readonly type: ModelType;
  /** One line for people who choose: what it makes. */
  readonly about: string;
  /** What an app may ask of this model. Unknown fields are refused, images are URLs. */
  readonly input: z.ZodType<Record<string, unknown>>;
  /** Timing the provider recommends, where it differs from the model type's profile. */
  readonly poll?: Partial<PollProfile>;
  /** What of that timing depends on what is asked for. Must not throw, whatever the input. */
  pollFor?(input: Record<string, unknown>): Partial<PollProfile>;
  /** What the provider publishes about its price, in its own units: `8, 12 or 20 credits`. */
  readonly price?: string;
  /** How long the provider keeps a result. Absent: nobody says. */
  readonly resultLifetimeMs?: number;
}

/** What is being asked for, the same for every call about one attempt. */
export interface SubmitRequest {
  readonly model: string;
  /** As `Model.input` parsed it. */
  readonly input: Record<string, unknown>;
  /** The same for every send of one attempt. At most 40 characters. */
  readonly idempotencyKey: string;
  /** Where the provider may call us; absent when it cannot reach us. */
  readonly webhookUrl?: string | undefined;
  /** What `prepare` brought last. */
  readonly prepared?: string | undefined;
  /** How long the task will be waited for, from its acceptance on. */
  readonly patienceMs?: number | undefined;
}

/** The task, and the outcome as well where the provider answers at once. */
export interface SubmitAnswer {
  readonly task: ProviderTask;
  readonly outcome?: Outcome | undefined;
  /** What it charged, where it says so at once. */
  readonly charge?: Charge | undefined;
}

/** One webhook request, as it came over the wire. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The exact bytes. */
  readonly body: Buffer;
}

/** What a delivery says, and about which task of the provider. */
export interface WebhookReading {
  readonly taskId: string;
  readonly observation: Observation;
}

/** How much may be asked of a provider; settings may lower or raise each. */
export interface ProviderLimits {
  readonly submits: { readonly max: number; readonly perMs: number };
  /** Submissions being sent at the same time, all processes together. */
  readonly concurrency: number;
  /** Status checks per second, all processes together. */
  readonly pollsPerSecond: number;
  /** Tasks that it works on at the same time, where it documents that; more are refused. */
  readonly running?: number;
}

/**
 * What stands behind a delivery. A body of one endpoint for the whole account must be signed: no
 * token of ours is in that URL.
 */
export type WebhookSupport = SignedWebhook | TokenWebhook;

interface ReadsWebhooks {
  /**
   * Also says which task is spoken of: on an account's one endpoint nothing else does.
   * @throws InvalidRequest `malformed_webhook` when the body is not what the provider sends.
   */
  read(body: Buffer): WebhookReading;
}

export interface SignedWebhook extends ReadsWebhooks {
  readonly trust: 'signature';
  /**
   * `request`: each submission names its own URL, which carries our token besides; a verified body
   * is believed. `account`: one URL for the whole account, set in the provider's dashboard;
   * deliveries are matched by task id, make us check, and are believed if no check can tell.
   */
  readonly scope: 'request' | 'account';
  /** Whether the body is authentic. Constant time, any length, before anything is parsed. */
  verify(delivery: Delivery): boolean | Promise<boolean>;
}

export interface TokenWebhook extends ReadsWebhooks {
  /**
   * Only the token in our URL stands behind the body. `token`: the settings say that this is enough,
   * and it is believed. `hint`: it is not; one status check learns the truth.
   */
  readonly trust: 'token' | 'hint';
  readonly scope: 'request';
  /** Nothing is signed. What could be verified is `trust: 'signature'`. */
  readonly verify?: never;
}

/** What is matched by a task's number alone may be about another kind of task: it is checked first. */
export function beliefIn({ trust, scope }: Pick<WebhookSupport, 'trust' | 'scope'>): Belief {
  if (trust === 'hint') return 'never';
  return scope === 'request' ? 'always' : 'if-checks-fail';
}

/** Whether a delivery came from the provider, as far as its body can say: unsigned, nothing can. */
export async function isAuthentic(webhook: WebhookSupport, delivery: Delivery): Promise<boolean> {
  return webhook.trust !== 'signature' || (await webhook.verify(delivery));
}

/**
 * What the provider makes of a submission that it has had before, and so what may be done when an
 * answer is lost.
 */
export type RepeatSubmitSupport =
  /** It answers the first task again, for as long as it remembers the key: the key is sent again. */
  | { readonly kind: 'idempotency-key'; readonly keyLifetimeMs: number }
  /** It takes a reference once and refuses the second, for ever: `submit` finds the task then. */
  | { readonly kind: 'unique-reference' }
  /** It would pay twice, but can be searched. */
  | {
      readonly kind: 'search';
      /**
       * The task of an attempt whose answer was lost; undefined when the provider never got it,
       * which permits another submission. @throws Retryable when nothing could be learned.
       */
      readonly find: (request: SubmitRequest) => Promise<ProviderTask | undefined>;
    }
  /** It would pay twice, or nobody knows. */
  | { readonly kind: 'none' };

/** What is left to spend, in the provider's own units. */
export interface Account {
  readonly credits?: number;
  /** Submissions that may still be made in the present window. */
  readonly requestsLeft?: number;
}

/**
 * One provider. Adapters hold no state about generations; everything they must remember travels in
 * `prepared` and `ProviderTask.handle`. All of them throw only the errors of generation/errors.ts.
 */
export interface ProviderAdapter {
  readonly name: string;
  readonly models: Readonly<Record<string, Model>>;
  readonly limits: ProviderLimits;
  readonly repeatSubmit: RepeatSubmitSupport;
  /** How pictures reach the provider: as links that it loads, or as bytes that we load and send. */
  readonly inputs: 'url' | 'upload';
  /** Whether its key is a test key: nothing is charged. */
  readonly isTest?: boolean;
  readonly webhook?: WebhookSupport;
  /**
   * One free step that must come before `submit`, such as an upload; called again until it says
   * `done`. What it returns is saved and handed back, so a crash repeats one step at most.
   * @throws Retryable or Terminal. Never OutcomeUnknown: repeating it must cost nothing.
   */
  prepare?(request: SubmitRequest): Promise<{ prepared: string; done: boolean }>;
  /**
   * Pays. A second call with the same key is harmless only if `repeatSubmit` says so.
   * @throws Retryable: certainly not accepted. Terminal: refused for good. OutcomeUnknown: nobody
   *   knows; the caller must not simply call again.
   */
  submit(request: SubmitRequest): Promise<SubmitAnswer>;
  /**
   * Free of effects. `about.model` is the generation's model.
   * @throws Retryable when no answer was to be had.
   */
  check(task: ProviderTask, about: { model: string }): Promise<Observation>;
  /** Asks the provider to stop a task. Harmless when it has ended. @throws Retryable */
  cancel?(task: ProviderTask): Promise<void>;
  /** What is left to spend. @throws Retryable */
  account?(): Promise<Account>;
}

/** The names of providers with one webhook endpoint for the whole account. */
export function accountWide(providers: ReadonlyMap<string, ProviderAdapter>): ReadonlySet<string> {
  const names = [...providers.values()].filter(({ webhook }) => webhook?.scope === 'account');
  return new Set(names.map(({ name }) => name));
}

/** We stop relying on a key a little before its provider forgets it. */
const KEY_MARGIN_MS = 10 * 60_000;

/** How long after its first use a key may be sent again; 0 where there are no keys. */
export function keyWindowMs({ repeatSubmit }: Pick<ProviderAdapter, 'repeatSubmit'>): number {
  if (repeatSubmit.kind !== 'idempotency-key') return 0;
  return Math.max(repeatSubmit.keyLifetimeMs - KEY_MARGIN_MS, 0);
}
