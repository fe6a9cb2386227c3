import { expect, onTestFinished } from 'vitest';
import { OutcomeUnknown } from '../../../src/generation/errors.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import type { Documented, Fixture, Meaning, WireAnswer } from '../fixture.ts';
import { meaningOf, told } from '../meaning.ts';
import { type Rule, rule } from '../rule.ts';
import { bloated, cutShort, HTML, redirect, reset, silence, slowBody } from '../trouble.ts';
import { openWorld, refusedBy, type Script, taskSample, type WorldOptions } from '../world.ts';

/** What gateways say in JSON when their upstream is gone: it sounds like a provider, and knows nothing. */
const GATEWAYS = [
  { error: 'upstream request timeout' },
  { error: 'Service Unavailable', message: 'no healthy upstream' },
  { message: 'The upstream server is timing out' },
];

/** Refused and lost submissions: what may be sent again, what is final, and what nobody knows. */
export const refusing: readonly Rule[] = [
  rule('every documented refusal of a submission has its class and code', async (fixture) => {
    expect(fixture.submitErrors.length).toBeGreaterThan(0);
    for (const { name, answers, means } of fixture.submitErrors) {
      expect(await submitMeans(fixture, answers), name).toMatchObject(told(means));
    }
  }),

  rule('a refused submission says that the provider answered it', async (fixture) => {
    const documented = fixture.submitErrors.flatMap(({ answers }) => answers.submit ?? []);
    const statuses = [400, 401, 402, 403, 404, 410, 413, 415, 422, 429];
    const others = statuses.flatMap((status) =>
      ['', '{"detail":', HTML].map((body) => ({ status, body })),
    );
    for (const submit of [...documented, ...others]) {
      const error = await refusedBy(submitTo(fixture, { submit }));
      if (error instanceof OutcomeUnknown) continue;
      expect(error, JSON.stringify(submit)).toMatchObject({ answered: true });
    }
  }),

  rule('a refused key holds the submission; it does not fail it', async (fixture) => {
    for (const status of undocumented(fixture, [401, 403])) {
      for (const body of [{}, HTML]) {
        const means = await submitMeans(fixture, { submit: { status, body } });
        expect(means, String(status)).toMatchObject({ is: 'Retryable', code: 'unauthorized' });
      }
    }
  }),

  rule('a submission that is refused as wrong is final', async (fixture) => {
    for (const status of undocumented(fixture, [400, 413, 415, 422])) {
      const means = await submitMeans(fixture, { submit: { status, body: {} } });
      expect(means, String(status)).toEqual({ is: 'Terminal', code: 'invalid_input' });
    }
  }),

  rule('402 waits for a person', async (fixture) => {
    for (const status of undocumented(fixture, [402])) {
      const means = await submitMeans(fixture, { submit: { status, body: {} } });
      expect(means).toMatchObject({ is: 'Retryable', code: 'out_of_credit' });
    }
  }),

  rule('429 with Retry-After in seconds waits so long', async (fixture) => {
    const means = await submitMeans(fixture, tooMany(fixture, { 'retry-after': '120' }));
    expect(means).toMatchObject({ is: 'Retryable', retryAfterMs: 120_000 });
  }),

  rule('429 with Retry-After as a date waits until then', async (fixture) => {
    const date = new Date(Date.now() + 120_000).toUTCString();
    const means = await submitMeans(fixture, tooMany(fixture, { 'retry-after': date }));
    expect(means).toMatchObject({ is: 'Retryable', retryAfterMs: expect.any(Number) });
    const { retryAfterMs } = means as { retryAfterMs: number }; // asserted above
    expect(retryAfterMs).toBeGreaterThan(100_000);
    expect(retryAfterMs).toBeLessThanOrEqual(120_000);
  }),

  rule('429 without a usable Retry-After is tried again all the same', async (fixture) => {
    const odd: Record<string, string>[] = [
      {},
      { 'retry-after': '' },
      { 'retry-after': '-5' },
      { 'retry-after': 'soon' },
    ];
    for (const headers of odd) {
      const means = await submitMeans(fixture, tooMany(fixture, headers));
      expect(means).toMatchObject({ is: 'Retryable' });
      const wait = (means as { retryAfterMs?: number }).retryAfterMs ?? 1; // Retryable: asserted above
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(24 * 3_600_000);
    }
  }),

  rule('no provider’s word on waiting is taken for longer than a day', async (fixture) => {
    const means = await submitMeans(fixture, tooMany(fixture, { 'retry-after': '99999999' }));
    expect(means).toMatchObject({ is: 'Retryable', retryAfterMs: 24 * 3_600_000 });
  }),

  rule('after a 5xx nobody knows whether the submission was accepted', async (fixture) => {
    for (const status of undocumented(fixture, [500, 502, 503, 504, 520])) {
      for (const body of [{}, HTML, '', ...GATEWAYS]) {
        const means = await submitMeans(fixture, { submit: { status, body } });
        expect(means, `${status} ${JSON.stringify(body)}`).toMatchObject({ is: 'OutcomeUnknown' });
      }
    }
  }),

  rule('after a timeout or a conflict of the provider’s own nobody knows', async (fixture) => {
    for (const status of undocumented(fixture, [408, 409])) {
      const means = await submitMeans(fixture, { submit: { status, body: {} } });
      expect(means, String(status)).toMatchObject({ is: 'OutcomeUnknown' });
    }
  }),

  rule('a refused connection is certainly no submission', async (fixture) => {
    const world = await openWorld(fixture);
    const request = await world.prepared(world.request(taskSample(fixture)));
    await world.server.close();
    const means = await meaningOf(world.adapter.submit(request));
    expect(means).toMatchObject({ is: 'Retryable', code: 'unavailable' });
  }),

  rule('a connection that dies after the request is an unknown outcome', async (fixture) => {
    expect(await submitMeans(fixture, { submit: reset })).toMatchObject({ is: 'OutcomeUnknown' });
  }),

  rule('an answer that does not come in time is an unknown outcome', async (fixture) => {
    const late = [silence, slowBody].map(async (submit) => {
      const means = await submitMeans(fixture, { submit }, { timeoutMs: 300 });
      expect(means).toMatchObject({ is: 'OutcomeUnknown' });
    });
    await Promise.all(late);
  }),

  rule('an answer that is cut short is an unknown outcome', async (fixture) => {
    expect(await submitMeans(fixture, { submit: cutShort })).toMatchObject({
      is: 'OutcomeUnknown',
    });
    const { body } = fixture.accepted(fixture.taskId(1), { url: 'http://127.0.0.1' });
    const half = JSON.stringify(body).slice(0, -2);
    const means = await submitMeans(fixture, { submit: { body: half } });
    expect(means).toMatchObject({ is: 'OutcomeUnknown' });
  }),

  rule('an answer that is too large is not read, and an unknown outcome', async (fixture) => {
    const submit = bloated(fixture.accepted(fixture.taskId(1), { url: 'http://127.0.0.1' }));
    expect(await submitMeans(fixture, { submit })).toMatchObject({ is: 'accepted' });
    const means = await submitMeans(fixture, { submit }, { maxBodyBytes: 100_000 });
    expect(means).toMatchObject({ is: 'OutcomeUnknown' });
  }),

  rule('a page or nothing instead of an answer is an unknown outcome', async (fixture) => {
    for (const body of [HTML, '', ' ', 'null', '"']) {
      const means = await submitMeans(fixture, { submit: { body } });
      expect(means, body).toMatchObject({ is: 'OutcomeUnknown' });
    }
  }),

  rule('a page with a 4xx is judged by its status', async (fixture) => {
    for (const status of undocumented(fixture, [400, 404, 422])) {
      const means = await submitMeans(fixture, { submit: { status, body: HTML } });
      expect(means, String(status)).toMatchObject({ is: 'Terminal' });
    }
  }),

  rule('a submission does not follow redirects', async (fixture) => {
    const elsewhere = await loopbackServer((_request, _req, res) => res.end('{}'));
    onTestFinished(elsewhere.close);
    for (const status of [301, 302, 303, 307, 308]) {
      const submit = redirect(status, `${elsewhere.url}/steal`);
      const means = await submitMeans(fixture, { submit });
      expect(['Retryable', 'OutcomeUnknown'], String(status)).toContain(means.is);
    }
    expect(elsewhere.connections()).toBe(0);
  }),

  rule('trouble is not met by sending again: one submission is one request', async (fixture) => {
    // Save for a token that may have gone stale, which has a rule of its own.
    const refusedKey = fixture.staleToken ? [] : [{ status: 401 }];
    for (const submit of [
      { status: 500 },
      { status: 429 },
      { status: 422 },
      reset,
      ...refusedKey,
    ]) {
      const world = await openWorld(fixture, { script: { submit } });
      const request = await world.prepared(world.request(taskSample(fixture)));
      await meaningOf(world.adapter.submit(request));
      expect(world.sent('submit')).toHaveLength(1);
    }
  }),
];

async function submitTo(fixture: Fixture, script: Script, options: WorldOptions = {}) {
  const world = await openWorld(fixture, options);
  const request = await world.prepared(world.request(taskSample(fixture)));
  world.answer(script);
  return world.adapter.submit(request);
}

function submitMeans(...given: Parameters<typeof submitTo>) {
  return meaningOf(submitTo(...given));
}

/** A 429 as documented where it is, and bare where it is not, with these headers. */
function tooMany(fixture: Fixture, headers: Record<string, string>): { submit: WireAnswer } {
  const rate = fixture.submitErrors.find(
    ({ answers, means }) =>
      answers.submit?.status === 429 && means.is === 'Retryable' && means.code === 'rate_limited',
  );
  return { submit: { status: 429, body: rate?.answers.submit?.body ?? {}, headers } };
}

/** Those statuses to which the provider's documents give no meaning of their own. */
function undocumented(fixture: Fixture, statuses: readonly number[]): number[] {
  const known = fixture.submitErrors.map(({ answers }: Documented) => answers.submit?.status);
  return statuses.filter((status) => !known.includes(status) || isAsUsual(fixture, status));
}

/** Whether everything documented about a status is what it would mean anyway. */
function isAsUsual(fixture: Fixture, status: number): boolean {
  const documented = fixture.submitErrors.filter(
    ({ answers }) => answers.submit?.status === status,
  );
  const usual: Record<number, Partial<Meaning>> = {
    401: { is: 'Retryable', code: 'unauthorized' },
    403: { is: 'Retryable', code: 'unauthorized' },
    402: { is: 'Retryable', code: 'out_of_credit' },
    400: { is: 'Terminal', code: 'invalid_input' },
    413: { is: 'Terminal', code: 'invalid_input' },
    422: { is: 'Terminal', code: 'invalid_input' },
  };
  const expected = usual[status] ?? { is: status >= 500 ? 'OutcomeUnknown' : 'Terminal' };
  return documented.every(({ means }) =>
    Object.entries(expected).every(([field, value]) => Reflect.get(means, field) === value),
  );
}
