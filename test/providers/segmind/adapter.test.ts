import { expect, test } from 'vitest';
import { checkedAdapter } from '../../../src/providers/checked-adapter.ts';
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

const setup = (reply: Parameters<typeof loopbackServer>[0] = always(200, {})) =>
  onLoopback(createSegmind, reply);

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

test('polling has ended, also after failed checks, before Segmind forgets a result', async () => {
  const { adapter } = await setup();
  for (const { poll, resultLifetimeMs } of Object.values(adapter.models)) {
    if (!poll) continue;
    const longest = 2 * (poll.giveUpAfterMs ?? Number.POSITIVE_INFINITY);
    expect(longest + (resultLifetimeMs ?? 0)).toBeLessThanOrEqual(3_600_000);
  }
});
