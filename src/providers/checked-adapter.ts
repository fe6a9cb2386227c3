import { z } from 'zod';
import { CatwalkError } from '../generation/errors.ts';
import type { ProviderTask } from '../generation/generation.ts';
import {
  AccountAnswer,
  ObservationAnswer,
  PrepareAnswer,
  ReadingObservation,
  ReadingTask,
  SubmitAnswerOutcome,
  SubmitAnswerTask,
  Task,
  TaskId,
} from './adapter-answers.ts';
import { AdapterDefect } from './adapter-defect.ts';
import { checkedError } from './adapter-errors.ts';
import type { ProviderAdapter, RepeatSubmitSupport, WebhookSupport } from './provider.ts';

/**
 * The same adapter, except that what it answers and throws is what an adapter may: everything else
 * fails that one call with an AdapterDefect, before it can reach a record, a schedule or a batch.
 */
export function checkedAdapter(adapter: ProviderAdapter): ProviderAdapter {
  const { name, models, limits, inputs, isTest, webhook, prepare, cancel, account } = adapter;

  /** What the call answers, in the shape of `schema`. */
  async function asked<T>(
    call: string,
    schema: z.ZodType<T>,
    work: () => Promise<unknown>,
  ): Promise<T> {
    let answer: unknown;
    try {
      answer = await work();
    } catch (error) {
      throw checkedError(error, name, call);
    }
    return parsed(name, call, schema, answer);
  }

  return {
    name,
    models,
    limits,
    repeatSubmit: checkedRepeat(name, adapter.repeatSubmit, asked),
    inputs,
    ...(isTest && { isTest }),
    ...(webhook && { webhook: checkedWebhook(name, webhook) }),
    submit: async (request) => {
      const answer = await asked('submit', z.unknown(), () => adapter.submit(request));
      const named = parsed(name, 'submit', SubmitAnswerTask, answer);
      const task = taskIn(name, 'submit', named.task);
      const { outcome, charge } = parsed(name, 'submit', SubmitAnswerOutcome, answer, task);
      return { task, ...(outcome && { outcome }), ...(charge && { charge }) };
    },
    check: (task, about) => asked('check', ObservationAnswer, () => adapter.check(task, about)),
    ...(prepare && {
      prepare: (request) => asked('prepare', PrepareAnswer, () => prepare.call(adapter, request)),
    }),
    ...(cancel && {
      cancel: async (task) => {
        await asked('cancel', z.unknown(), () => cancel.call(adapter, task));
      },
    }),
    ...(account && {
      account: async () => {
        const left = await asked('account', AccountAnswer, () => account.call(adapter));
        const { credits, requestsLeft } = left;
        return {
          ...(credits !== undefined && { credits }),
          ...(requestsLeft !== undefined && { requestsLeft }),
        };
      },
    }),
  };
}

function checkedRepeat(
  name: string,
  support: RepeatSubmitSupport,
  asked: <T>(call: string, schema: z.ZodType<T>, work: () => Promise<unknown>) => Promise<T>,
): RepeatSubmitSupport {
  if (support.kind !== 'search') return support;
  return {
    kind: 'search',
    find: async (request) => {
      const found = await asked('find', z.unknown(), () => support.find(request));
      // Absence permits another submission, so only exactly `undefined` says it.
      return found === undefined ? undefined : taskIn(name, 'find', found);
    },
  };
}

/** @throws AdapterDefect, with the task's id where that could be understood. */
function taskIn(name: string, call: string, answer: unknown): ProviderTask {
  return parsed(name, call, Task, answer, parsed(name, call, TaskId, answer));
}

function checkedWebhook(name: string, webhook: WebhookSupport): WebhookSupport {
  const read: WebhookSupport['read'] = (body) => {
    const reading = readBy(name, webhook, body);
    const { taskId } = parsed(name, 'read', ReadingTask, reading);
    const { observation } = parsed(name, 'read', ReadingObservation, reading, { id: taskId });
    return { taskId, observation };
  };
  if (webhook.trust !== 'signature') return { trust: webhook.trust, scope: webhook.scope, read };
  return {
    trust: webhook.trust,
    scope: webhook.scope,
    // Only `true` is a yes: a promise within a promise, or a word, is not.
    verify: async (delivery) => (await webhook.verify(delivery)) === true,
    read,
  };
}

function readBy(name: string, webhook: WebhookSupport, body: Buffer): unknown {
  let reading: unknown;
  try {
    reading = webhook.read(body);
  } catch (error) {
    if (error instanceof CatwalkError) throw error;
    throw new AdapterDefect(name, 'read', 'threw what is no error of ours', { cause: error });
  }
  // A promise is no reading; whatever becomes of it must not end the process.
  if (reading instanceof Promise) reading.catch(() => undefined);
  return reading;
}

function parsed<T>(
  provider: string,
  call: string,
  schema: z.ZodType<T>,
  answer: unknown,
  task?: AdapterDefect['task'],
): T {
  let why = 'its answer cannot be looked at';
  try {
    const result = schema.safeParse(answer);
    if (result.success) return result.data;
    const [problem] = result.error.issues;
    why = `${problem?.path.join('.') || 'the answer'}: ${problem?.message}`;
  } catch (cause) {
    // Such as a getter of the answer's that throws.
    throw new AdapterDefect(provider, call, why, { task, cause });
  }
  throw new AdapterDefect(provider, call, why, { task });
}
