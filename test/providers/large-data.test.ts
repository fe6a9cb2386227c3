import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Result } from '../../src/generation/generation.ts';
import { checkedAdapter } from '../../src/providers/checked-adapter.ts';
import { createFolderFiles } from '../../src/providers/files.ts';
import { largeDataAsFiles } from '../../src/providers/large-data.ts';
import type { ProviderAdapter, WebhookSupport } from '../../src/providers/provider.ts';
import { completedWithData } from '../../src/providers/wire-values.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SMALL = { labels: ['logo'] };
const LARGE = { labels: Array.from({ length: 10_000 }, (_, n) => `label ${n}`) };

async function setup(data: unknown) {
  const folder = await temporaryFolder();
  const files = createFolderFiles({
    folder,
    publicUrl: 'https://catwalk.example.com',
    secret: 's',
  });
  const outcome = completedWithData(data);
  const webhook: WebhookSupport = {
    ...{ scope: 'request', trust: 'token' },
    read: () => ({ taskId: 't', observation: { kind: 'final', outcome } }),
  };
  const adapter: ProviderAdapter = {
    ...{ name: 'finder', models: {}, inputs: 'url', repeatSubmit: { kind: 'none' }, webhook },
    limits: { submits: { max: 1, perMs: 1 }, concurrency: 1, pollsPerSecond: 1 },
    submit: async () => ({ task: { id: 't' }, outcome }),
    check: async () => ({ kind: 'final', outcome }),
  };
  return { folder, adapter: checkedAdapter(largeDataAsFiles(adapter, files)) };
}

const ask = async (adapter: ProviderAdapter): Promise<readonly (Result | undefined)[]> => {
  const request = { model: 'm', input: {}, idempotencyKey: 'k' };
  const { outcome } = await adapter.submit(request);
  const seen = await adapter.check({ id: 't' }, { model: 'm' });
  return [outcome, seen.kind === 'final' ? seen.outcome : undefined].map((one) =>
    one?.verdict === 'completed' ? one.results[0] : undefined,
  );
};

test('data that is too large for a record becomes a file, from a check and from a submission', async () => {
  const { folder, adapter } = await setup(LARGE);
  const [first, second] = await ask(adapter);
  expect(first).toEqual(second);
  expect(first).toMatchObject({ kind: 'file', contentType: 'application/json' });
  const name = basename(first?.kind === 'file' ? first.url : '');
  expect(name).toMatch(/^[0-9a-f]{40}\.json$/);
  expect(JSON.parse(await readFile(join(folder, name), 'utf8'))).toEqual(LARGE);
});

test('data that fits stays where it is', async () => {
  const { adapter } = await setup(SMALL);
  const result = { kind: 'data', data: SMALL };
  expect(await ask(adapter)).toEqual([result, result]);
  expect(adapter.webhook?.read(Buffer.alloc(0)).observation).toMatchObject({ kind: 'final' });
});

test('a delivery with too much data is progress: the next status check brings it', async () => {
  const { adapter } = await setup(LARGE);
  const reading = adapter.webhook?.read(Buffer.alloc(0));
  expect(reading).toEqual({ taskId: 't', observation: { kind: 'live', status: 'completed' } });
});

test('an adapter may be an object of a class with private fields', async () => {
  class Finder {
    readonly name = 'finder';
    readonly models = {};
    readonly inputs = 'url';
    readonly limits = { submits: { max: 1, perMs: 1 }, concurrency: 1, pollsPerSecond: 1 };
    readonly #left = { credits: 7 };
    readonly #kind = 'none';
    get repeatSubmit() {
      return { kind: this.#kind } as const;
    }
    submit = async () => ({ task: { id: 't' } });
    check = async () => ({ kind: 'live', status: 'x' }) as const;
    async prepare() {
      return { prepared: String(this.#left.credits), done: true };
    }
    async account() {
      return this.#left;
    }
  }
  const files = createFolderFiles({
    ...{ folder: await temporaryFolder(), publicUrl: 'https://catwalk.example.com', secret: 's' },
  });
  const adapter = checkedAdapter(largeDataAsFiles(new Finder() as ProviderAdapter, files));
  expect(await adapter.account?.()).toEqual({ credits: 7 });
  const request = { model: 'm', input: {}, idempotencyKey: 'k' };
  expect(await adapter.prepare?.(request)).toEqual({ prepared: '7', done: true });
  expect(adapter.repeatSubmit).toEqual({ kind: 'none' });
});
