import type { RefusalReason } from '../contract/refusal.ts';
import type { FailureKind } from '../contract/task.ts';

/**
 * Who answers a poll when the provider itself was not reached: a proxy with nothing to say, a web
 * server's page, another program's JSON, a gateway's page of trouble, a page in place of an answer.
 */
export type Stranger = 'empty-404' | 'page-404' | 'foreign-404' | 'page-502' | 'page-200';

/**
 * What a named scenario changes about an otherwise healthy provider. Every field is data that the
 * engine reads; a scenario never carries code, so it means the same for every dialect.
 */
export interface Scenario {
  description: string;
  /** Multiplies the task's latency. */
  latencyFactor?: number;
  /** The task's latency, in simulated time, whatever is usual. */
  latencyMs?: number;
  /** The first submits per scenario key are refused: nothing is accepted and nothing is charged. */
  refusal?: {
    reason: Extract<
      RefusalReason,
      'rate-limited' | 'concurrency-limited' | 'out-of-credit' | 'server-error' | 'html-page'
    >;
    firstSubmits: number;
    retryAfterSeconds?: number;
  };
  /** How many polls of each task answer 500 before the first good one. */
  failFirstPolls?: number;
  /** What answers the first polls of each task instead of the provider, one after the other. */
  strangersFirst?: readonly Stranger[];
  /** How many polls of each task are answered as if there were no such task. */
  unknownToFirstPolls?: number;
  /** The first accepted submit per scenario key is charged, then its socket is destroyed. */
  loseFirstReply?: true;
  /** The task is finished and its webhook answered before the submit is answered. */
  finishBeforeReply?: true;
  /** Where keys are access tokens: the first submit and the first poll find theirs expired. */
  expiresToken?: true;
  /** Of several images that are inspected one by one, the first is treated as unreadable. */
  spoilsFirstImage?: true;
  /** The links to the results are dead from the start. */
  resultsAreGone?: true;
  /** The task ends in this failure, whatever its inputs. */
  failure?: FailureKind;
  /** The task stays in its first live status for ever. */
  neverFinishes?: true;
  /** Shown as the status for the first part of the task's life. */
  undocumentedStatus?: string;
  webhook?: {
    /** How many times the true final message is delivered; 1 unless told. */
    copies?: number;
    /** The final message leaves this many latencies after the task is final. */
    delayInLatencies?: number;
    /** The first live status is told once more after the end, where live statuses are told. */
    repeatsProgressLast?: true;
    /** An attacker's message claiming failure arrives first, signed with a wrong secret. */
    forgedFirst?: true;
  };
}

/** Every behaviour a caller can ask for by name. */
export const SCENARIOS = {
  ok: { description: 'Everything works.' },
  slow: { description: 'Works, with ten times the latency.', latencyFactor: 10 },
  'no-webhook': { description: 'Works, but the webhook is never sent.', webhook: { copies: 0 } },
  'duplicate-webhook': {
    description: 'The final webhook is delivered twice at the same moment.',
    webhook: { copies: 2 },
  },
  'webhook-before-reply': {
    description: 'The webhook is delivered and answered before the submit is answered.',
    finishBeforeReply: true,
  },
  'lost-reply': {
    description: 'The first submit is accepted and charged; its connection dies with no answer.',
    loseFirstReply: true,
  },
  'rate-limited': {
    description: 'The first submit is answered 429 with Retry-After 1.',
    refusal: { reason: 'rate-limited', firstSubmits: 1, retryAfterSeconds: 1 },
  },
  'concurrency-limited': {
    description: 'The first submit is answered 429 for too many tasks at once.',
    refusal: { reason: 'concurrency-limited', firstSubmits: 1 },
  },
  'out-of-credit': {
    description: 'Every submit is refused because the account has no credits.',
    refusal: { reason: 'out-of-credit', firstSubmits: Number.POSITIVE_INFINITY },
  },
  'server-errors': {
    description: 'The first two submits, and the first two polls of a task, answer 500.',
    refusal: { reason: 'server-error', firstSubmits: 2 },
    failFirstPolls: 2,
  },
  moderation: {
    description: "The task fails in the provider's content moderation.",
    failure: 'moderation',
  },
  failed: { description: 'The task fails inside the provider.', failure: 'generation' },
  'forged-signature': {
    description: 'A forged webhook claims failure half way; the true one follows.',
    webhook: { forgedFirst: true },
  },
  stuck: { description: 'The task never leaves its first live status.', neverFinishes: true },
  'html-error': {
    description: 'The first submit is answered by an HTML 502 page and not accepted.',
    refusal: { reason: 'html-page', firstSubmits: 1 },
  },
  'odd-404': {
    description: 'The first three polls of a task are answered 404, and not by the provider.',
    strangersFirst: ['empty-404', 'page-404', 'foreign-404'],
  },
  'gateway-page': {
    description: 'The first two polls of a task are answered by a gateway, with a page.',
    strangersFirst: ['page-502', 'page-200'],
  },
  'briefly-unknown': {
    description: 'The first two polls of a task are answered as if there were none.',
    unknownToFirstPolls: 2,
  },
  'late-truth': {
    description: 'Works, but takes ten minutes; whoever waits for less hears of it late.',
    latencyMs: 600_000,
  },
  'unknown-status': {
    description: 'The task shows a live status nobody documented for a while, then works.',
    undocumentedStatus: 'warming_up',
  },
  'late-webhook': {
    description: 'The webhook comes ten latencies after the status is already final.',
    webhook: { delayInLatencies: 10 },
  },
  'out-of-order-webhook': {
    description: 'Where live statuses are told, the first is told again after the end.',
    webhook: { repeatsProgressLast: true },
  },
  'expired-token': {
    description: 'Where tokens expire, the first submit and first poll are answered 401.',
    expiresToken: true,
  },
  'partial-failure': {
    description: 'In a batch, the first image fails; elsewhere everything works.',
    spoilsFirstImage: true,
  },
  'result-expired': {
    description: 'Works, but the links to the results are dead.',
    resultsAreGone: true,
  },
} as const satisfies Record<string, Scenario>;

/** The names that can be asked for. */
export type ScenarioName = keyof typeof SCENARIOS;

/** The scenario called `name`, typed as the general shape so that absent fields can be read. */
export function scenarioNamed(name: ScenarioName): Scenario {
  return SCENARIOS[name];
}

/** Whether `value` is the name of a scenario. */
export function isScenarioName(value: unknown): value is ScenarioName {
  return typeof value === 'string' && Object.hasOwn(SCENARIOS, value);
}

/** The sentence shown wherever an unknown scenario was named. */
export function unknownScenarioMessage(name: unknown): string {
  return `Unknown scenario "${String(name)}". Known: ${Object.keys(SCENARIOS).join(', ')}.`;
}
