import { Retryable } from '../generation/errors.ts';
import type { Outcome } from '../generation/generation.ts';
import type { Observation, ProviderAdapter } from './provider.ts';
import type { ProviderSettings } from './provider-settings.ts';

/** What is shorter is no secret, and would blot out half of every sentence. */
const SHORTEST = 4;

/** Turns what an adapter says into what may leave it. */
type Clean = (text: string) => string;

/**
 * The same adapter, except that no error and no reason of its tells the settings' own secrets: a
 * provider may repeat our key in its refusal, and the app is told the refusal.
 */
export function withoutSecrets(
  adapter: ProviderAdapter,
  settings: Pick<ProviderSettings, 'apiKey' | 'webhookSecrets'>,
): ProviderAdapter {
  const clean = cleaner([settings.apiKey, ...settings.webhookSecrets]);

  /** The call, with what it is rejected with cleaned in place: its class and code stay. */
  const quiet = async <T>(call: () => T | Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      cleanError(error, clean);
      throw error;
    }
  };
  const observed = (seen: Observation): Observation =>
    seen.kind === 'final' ? { ...seen, outcome: cleanOutcome(seen.outcome, clean) } : seen;

  const { name, models, limits, repeatSubmit, inputs, isTest, webhook } = adapter;
  return {
    name,
    models,
    limits,
    repeatSubmit:
      repeatSubmit.kind === 'search'
        ? { kind: 'search', find: (request) => quiet(() => repeatSubmit.find(request)) }
        : repeatSubmit,
    inputs,
    ...(isTest && { isTest }),
    submit: (request) =>
      quiet(async () => {
        const answer = await adapter.submit(request);
        const { outcome } = answer;
        return outcome ? { ...answer, outcome: cleanOutcome(outcome, clean) } : answer;
      }),
    check: (task, about) => quiet(async () => observed(await adapter.check(task, about))),
    ...optional(adapter, quiet),
    ...(webhook && {
      webhook: {
        ...webhook,
        read: (body) => {
          try {
            const { taskId, observation } = webhook.read(body);
            return { taskId, observation: observed(observation) };
          } catch (error) {
            cleanError(error, clean);
            throw error;
          }
        },
      },
    }),
  };
}

/** What an adapter need not have is there exactly if it had it. */
function optional(
  adapter: ProviderAdapter,
  quiet: <T>(call: () => Promise<T>) => Promise<T>,
): Partial<ProviderAdapter> {
  const { prepare, cancel, account } = adapter;
  return {
    ...(prepare && { prepare: (request) => quiet(() => prepare.call(adapter, request)) }),
    ...(cancel && { cancel: (task) => quiet(() => cancel.call(adapter, task)) }),
    ...(account && { account: () => quiet(() => account.call(adapter)) }),
  };
}

/** Each secret whole, and the parts of those that have some; the longest first. */
function cleaner(values: readonly string[]): Clean {
  const parts = values.flatMap((value) => [value, ...value.split(':')]);
  const secrets = [...new Set(parts)]
    .filter((part) => part.length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  return (text) =>
    withoutBrokenEnd(
      secrets.reduce((rest, secret) => rest.replaceAll(secret, '(removed)'), text),
      secrets,
    );
}

/** Quotes are cut at a length, perhaps in the middle of a secret. */
function withoutBrokenEnd(text: string, secrets: readonly string[]): string {
  for (const secret of secrets) {
    for (let length = secret.length - 1; length >= SHORTEST; length--) {
      const start = secret.slice(0, length);
      if (text.endsWith(start)) return `${text.slice(0, -length)}(removed)`;
    }
  }
  return text;
}

function cleanOutcome(outcome: Outcome, clean: Clean): Outcome {
  if (outcome.verdict === 'completed') return outcome;
  const { reason } = outcome;
  return { ...outcome, reason: { ...reason, message: clean(reason.message) } };
}

/** The whole chain of causes, as a logger would print it; it may lead back to where it began. */
function cleanError(error: unknown, clean: Clean, seen = new Set<unknown>()): void {
  if (!(error instanceof Error) || seen.has(error)) return;
  seen.add(error);
  const message = clean(error.message);
  // The stack begins with the message.
  const stack = error.stack && clean(error.stack.replace(error.message, () => message));
  for (const [field, value] of [
    ['message', message],
    ['stack', stack],
  ] as const) {
    if (error[field] === value) continue;
    Reflect.defineProperty(error, field, { value, configurable: true, writable: true });
  }
  cleanError(error.cause, clean, seen);
  if (error instanceof Retryable) cleanError(error.ifItLasts, clean, seen);
}
