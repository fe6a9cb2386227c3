import type { Observation } from '../generation/events.ts';
import type { Outcome, Result } from '../generation/generation.ts';
import type { FileStore } from './files.ts';
import type { Delivery, ProviderAdapter } from './provider.ts';
import { MAX_DATA_BYTES } from './wire-values.ts';

/**
 * The same adapter, except that data too large for a record becomes a JSON file of ours: what was
 * paid for is never a failure because it is long.
 */
export function largeDataAsFiles(adapter: ProviderAdapter, files: FileStore): ProviderAdapter {
  const { webhook, prepare, cancel, account } = adapter;
  // A prototype, because the adapter may be an object of a class of somebody's own; its methods are
  // called on itself, whose private fields the prototype's heir does not have.
  const heir: ProviderAdapter = Object.create(adapter, {
    repeatSubmit: { value: adapter.repeatSubmit, enumerable: true },
  });
  return Object.assign(heir, {
    submit: async (request) => {
      const answer = await adapter.submit(request);
      if (!isLarge(answer?.outcome)) return answer;
      return { ...answer, outcome: await withFiles(answer.outcome, files, answer.task.id) };
    },
    check: async (task, about) => {
      const seen = await adapter.check(task, about);
      if (seen?.kind !== 'final' || !isLarge(seen.outcome)) return seen;
      return { ...seen, outcome: await withFiles(seen.outcome, files, task.id) };
    },
    ...(prepare && { prepare: prepare.bind(adapter) }),
    ...(cancel && { cancel: cancel.bind(adapter) }),
    ...(account && { account: account.bind(adapter) }),
    ...(webhook && {
      webhook: Object.assign(Object.create(webhook) as typeof webhook, {
        ...(webhook.trust === 'signature' && {
          verify: (delivery: Delivery) => webhook.verify(delivery),
        }),
        read: (body: Buffer) => {
          const reading = webhook.read(body);
          return isLargeReading(reading) ? { ...reading, observation: FETCH_IT } : reading;
        },
      }),
    }),
  } satisfies Partial<ProviderAdapter>);
}

/** A delivery is answered at once, and writes no files: the next status check brings the data. */
const FETCH_IT: Observation = { kind: 'live', status: 'completed' };

function isLargeReading(reading: unknown): boolean {
  const observation = (reading as { observation?: Observation } | undefined)?.observation;
  return observation?.kind === 'final' && isLarge(observation.outcome);
}

type Completed = Extract<Outcome, { verdict: 'completed' }>;

/** What an adapter answers may be anything: the check after this one says so. */
function isLarge(outcome: Outcome | undefined): outcome is Completed {
  if (outcome?.verdict !== 'completed' || !Array.isArray(outcome.results)) return false;
  return lengthOf(outcome.results) > MAX_DATA_BYTES;
}

/** As the check after this one counts: the data of all results together. */
function lengthOf(results: readonly Result[]): number {
  const data = results.flatMap((one) => (one?.kind === 'data' ? [one.data] : []));
  if (data.length === 0) return 0;
  try {
    return Buffer.byteLength(JSON.stringify(data.length === 1 ? data[0] : data) ?? '');
  } catch {
    return 0;
  }
}

async function withFiles(
  { verdict, results }: Completed,
  files: FileStore,
  of: string,
): Promise<Completed> {
  const kept = results.map(async (one): Promise<Result> => {
    if (one.kind !== 'data') return one;
    const url = await files.putJson(JSON.stringify(one.data), of);
    return { kind: 'file', url, contentType: 'application/json' };
  });
  return { verdict, results: await Promise.all(kept) };
}
