import { expect, onTestFinished, test } from 'vitest';
import { createFal } from '../../../src/providers/fal/adapter.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { sharedParts } from '../shared-parts.ts';

// What every provider keeps is in test/contract.

const about = { model: 'fal-ai/fashn/tryon/v1.6' };
const LINK = 'https://v3.fal.media/files/one.png';

/** fal with one finished request, whose result is answered so. */
async function withResult(status: number, body: unknown, headers: Record<string, string> = {}) {
  const server = await loopbackServer(({ url }, _req, res) => {
    const isStatus = url.endsWith('/status');
    res.writeHead(isStatus ? 200 : status, { 'content-type': 'application/json', ...headers });
    res.end(JSON.stringify(isStatus ? { status: 'COMPLETED' } : body));
  });
  const { close, ...shared } = await sharedParts();
  onTestFinished(() => Promise.all([server.close(), close()]).then(() => undefined));
  return createFal({ apiKey: 'a:b', baseUrl: server.url, webhookSecrets: [], ...shared });
}

test.each([
  ['2', { amount: 2, unit: 'units' }],
  ['3.008', { amount: 3.008, unit: 'units' }],
  ['many', undefined],
  ['', undefined],
])('a result that was billed as %j is charged so', async (units, charge) => {
  const adapter = await withResult(
    200,
    { images: [{ url: LINK }] },
    { 'x-fal-billable-units': units },
  );
  const seen = await adapter.check({ id: 'r1' }, about);
  expect(seen).toMatchObject({ kind: 'final', outcome: { verdict: 'completed' } });
  expect(seen.kind === 'final' && seen.charge).toEqual(charge);
});

test.each([
  ['true', true],
  ['false', false],
  ['perhaps', undefined],
])('a failure with X-Fal-Retryable: %s says whether to try again: %s', async (value, expected) => {
  const detail = [{ loc: ['body'], msg: 'why', type: 'internal_server_error' }];
  const adapter = await withResult(500, { detail }, { 'x-fal-retryable': value });
  const seen = await adapter.check({ id: 'r1' }, about);
  if (seen.kind !== 'final' || seen.outcome.verdict === 'completed') throw new Error('no failure');
  expect(seen.outcome.reason.code).toBe('provider_error');
  expect(seen.outcome.reason.mayHelpToRetry).toBe(expected);
});
