import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ProviderAdapter, SubmitRequest } from '../../../src/providers/provider.ts';
import { send } from '../../../src/workers/stages/send.ts';
import { NOW, RECORDS, rulesWith } from '../../generation/fixtures.ts';

const notUsed = () => Promise.reject(new Error('not used'));

test('a provider is told how long its task will be waited for', async () => {
  const asked: SubmitRequest[] = [];
  const provider: ProviderAdapter = {
    name: 'acme',
    models: {},
    limits: { submits: { max: 1, perMs: 1 }, concurrency: 1, pollsPerSecond: 1 },
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    check: notUsed,
    submit: async (request) => {
      asked.push(request);
      return { task: { id: 'task-1' } };
    },
  };
  const parts = {
    provider,
    webhookUrl: () => undefined,
    rulesFor: () => rulesWith({ poll: { giveUpAfterMs: 123_000 } }),
    mostDenials: 30,
    shutdownSignal: new AbortController().signal,
    now: () => NOW,
    log: pino({ level: 'silent' }),
  };
  await send(parts, RECORDS.submitting, undefined);
  expect(asked).toMatchObject([{ patienceMs: 123_000 }]);
});
