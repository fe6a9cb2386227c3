import { expect, test } from 'vitest';
import { checkedAdapter } from '../../../src/providers/checked-adapter.ts';
import type { ProviderOptions } from '../../../src/providers/provider-settings.ts';
import { createSegmind } from '../../../src/providers/segmind/adapter.ts';
import { MAX_RESULT_URL, MAX_RESULTS } from '../../../src/providers/wire-values.ts';
import { encodeRecord } from '../../../src/store/record-format.ts';
import { RECORDS } from '../../generation/fixtures.ts';
import { always, type loopbackServer } from '../../support/loopback-server.ts';
import { onLoopback } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

const picture = 'https://img.example.com/person.jpg';
const waiting = {
  model: 'try-on-diffusion-sync',
  input: { personImage: picture, garmentImages: [picture] },
  idempotencyKey: 'gen_1-1',
};
/** A picture as far as its first bytes tell. */
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

const setup = (
  reply: Parameters<typeof loopbackServer>[0] = always(200, {}),
  more: Partial<ProviderOptions> = {},
) => onLoopback(createSegmind, reply, more);

test('a picture that Segmind was waited for is kept, and remembered as the outcome', async () => {
  const { server, adapter } = await setup((_received, _req, res) =>
    res.writeHead(200, { 'content-type': 'image/png' }).end(PNG),
  );
  const { task, outcome } = await adapter.submit(waiting);
  const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\/files\/[0-9a-f]{40}\.png$/);
  expect(outcome).toEqual({ verdict: 'completed', results: [{ kind: 'file', url }] });
  expect(await adapter.check(task, { model: waiting.model })).toEqual({ kind: 'final', outcome });
  expect(server.received).toHaveLength(1);
});

test('no outcome that Segmind was waited for is too long to be remembered', async () => {
  const link = 'https://cdn.example.com/'.padEnd(MAX_RESULT_URL, '"');
  const { adapter } = await setup(
    always(
      200,
      Array.from({ length: MAX_RESULTS }, () => link),
    ),
  );
  const { task, outcome } = await checkedAdapter(adapter).submit(waiting);
  if (outcome?.verdict !== 'completed') throw new Error('no results');
  expect(outcome.results).toHaveLength(MAX_RESULTS);
  const found = await adapter.check(task, { model: waiting.model });
  expect(found).toEqual({ kind: 'final', outcome });
  const { results } = outcome;
  expect(() => encodeRecord({ ...RECORDS.completed, task, results })).not.toThrow();
});

test('half a picture from Segmind leaves the outcome unknown', async () => {
  const { adapter } = await setup((_received, _req, res) => {
    res.writeHead(200, { 'content-type': 'image/png', 'content-length': '999' });
    res.write(PNG, () => res.destroy());
  });
  await expect(adapter.submit(waiting)).rejects.toMatchObject({ name: 'OutcomeUnknown' });
});

test('a task that Segmind was waited for, and whose outcome was not remembered, is a failure, not a question', async () => {
  const { server, adapter } = await setup();
  for (const task of [{ id: 'waited-x' }, { id: 'waited-x', handle: '{"a":1}' }]) {
    expect(await adapter.check(task, { model: waiting.model })).toMatchObject({ kind: 'final' });
  }
  expect(server.received).toHaveLength(0);
});

test('polling has ended, also after failed checks, before Segmind forgets a request', async () => {
  const { adapter } = await setup();
  const polled = Object.values(adapter.models).flatMap(({ poll }) => (poll ? [poll] : []));
  expect(polled.length).toBeGreaterThan(2);
  for (const { giveUpAfterMs = Number.POSITIVE_INFINITY } of polled) {
    expect(2 * giveUpAfterMs).toBeLessThanOrEqual(3_600_000);
  }
});

test('Segmind’s plan bounds submissions, and takes nothing from the checks', async () => {
  const { adapter } = await setup();
  const { adapter: free } = await setup(undefined, { limits: { submitsPerMinute: 5 } });
  expect(adapter.limits.submits).toEqual({ max: 50, perMs: 60_000 });
  expect(free.limits.submits).toEqual({ max: 5, perMs: 60_000 });
  expect(free.limits.pollsPerSecond).toBe(adapter.limits.pollsPerSecond);
});

test('Segmind says what a request cost, and nothing of one that failed', async () => {
  const done = { status: 'COMPLETED', output: 'https://cdn.example.com/1.png' };
  for (const [body, charge] of [
    [
      { ...done, metrics: { cost: 0.0125, inference_time: 3 } },
      { amount: 0.0125, unit: 'credits' },
    ],
    [{ ...done, metrics: { cost: 'much' } }, undefined],
    [{ ...done, metrics: null }, undefined],
    [{ status: 'FAILED', error: 'why', metrics: { inference_time: 1 } }, undefined],
  ] as const) {
    const { adapter } = await setup(always(200, body));
    const seen = await adapter.check({ id: 'r1' }, { model: 'idm-vton' });
    expect(seen).toMatchObject({ kind: 'final' });
    expect(Reflect.get(seen, 'charge')).toEqual(charge);
  }
});

test('Segmind says what a picture cost that was waited for', async () => {
  const { adapter } = await setup((_received, _req, res) =>
    res.writeHead(200, { 'content-type': 'image/png', 'x-cost': '0.02' }).end(PNG),
  );
  expect((await adapter.submit(waiting)).charge).toEqual({ amount: 0.02, unit: 'credits' });
});

test('Segmind’s 429 is waited out until its window ends', async () => {
  const resetAt = new Date(Date.now() + 40_000).toISOString();
  const { adapter } = await setup((_received, _req, res) =>
    res.writeHead(429, { 'x-rate-limit-reset-at-utc': resetAt }).end('{"error":"slow down"}'),
  );
  const refused = await adapter.submit(waiting).catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: 'Retryable', code: 'rate_limited' });
  const { retryAfterMs } = refused as { retryAfterMs: number }; // as asserted
  expect(retryAfterMs).toBeGreaterThan(30_000);
  expect(retryAfterMs).toBeLessThanOrEqual(40_000);
});
