import { expect, test } from 'vitest';
import { InvalidRequest, Retryable, Terminal } from '../../src/generation/errors.ts';
import type { Outcome } from '../../src/generation/generation.ts';
import type { ProviderAdapter } from '../../src/providers/provider.ts';
import { withoutSecrets } from '../../src/providers/without-secrets.ts';

const SECRETS = { apiKey: 'my-id:s3cr', webhookSecrets: ['wh.one', 'x'] };
const SAID = 'It said: my-id:s3cr, s3cr, my-id and wh.one, x-ray';
const CLEAN = 'It said: (removed), (removed), (removed) and (removed), x-ray';

const refused = (): Promise<never> =>
  Promise.reject(new Terminal('invalid_input', SAID, { cause: new Error(SAID) }));

function adapter(outcome?: Outcome): ProviderAdapter {
  const final = outcome && ({ kind: 'final', outcome } as const);
  return {
    name: 'mine',
    models: {},
    limits: { submits: { max: 1, perMs: 1_000 }, concurrency: 1, pollsPerSecond: 1 },
    repeatSubmit: { kind: 'search', find: refused },
    inputs: 'url',
    webhook: {
      scope: 'request',
      trust: 'hint',
      read: () => {
        if (final) return { taskId: 't', observation: final };
        throw new InvalidRequest('malformed_webhook', SAID);
      },
    },
    prepare: refused,
    submit: () => (outcome ? Promise.resolve({ task: { id: 't' }, outcome }) : refused()),
    check: () => (final ? Promise.resolve(final) : refused()),
    cancel: refused,
    account: refused,
  };
}

const request = { model: 'm', input: {}, idempotencyKey: 'k' };

test('no call is rejected with a secret, and keeps its class and code', async () => {
  const quiet = withoutSecrets(adapter(), SECRETS);
  const task = { id: 't' };
  const calls = [
    quiet.prepare?.(request),
    quiet.submit(request),
    quiet.check(task, { model: 'm' }),
    quiet.repeatSubmit.kind === 'search' ? quiet.repeatSubmit.find(request) : undefined,
    quiet.cancel?.(task),
    quiet.account?.(),
  ];
  for (const call of calls) {
    const error: unknown = await call?.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Terminal);
    expect(error).toMatchObject({
      code: 'invalid_input',
      message: CLEAN,
      cause: { message: CLEAN },
    });
    expect((error as Terminal).stack).not.toMatch(/s3cr|my-id|wh\.one/);
  }
  expect(() => quiet.webhook?.read(Buffer.of())).toThrow(CLEAN);
});

test('nor does the verdict that passing trouble becomes when it lasts', async () => {
  const ifItLasts = new Terminal('image_unreadable', SAID);
  const prepare = () => Promise.reject(new Retryable('image_unavailable', SAID, { ifItLasts }));
  const quiet = withoutSecrets({ ...adapter(), prepare }, SECRETS);
  await expect(quiet.prepare?.(request)).rejects.toMatchObject({
    message: CLEAN,
    ifItLasts: { code: 'image_unreadable', message: CLEAN },
  });
});

test('no outcome tells a secret: in an answer, a check or a webhook', async () => {
  const reason = { code: 'provider_failed', message: SAID };
  const quiet = withoutSecrets(adapter({ verdict: 'failed', reason }), SECRETS);
  const told = { verdict: 'failed', reason: { code: 'provider_failed', message: CLEAN } };
  expect((await quiet.submit(request)).outcome).toEqual(told);
  expect(await quiet.check({ id: 't' }, { model: 'm' })).toMatchObject({ outcome: told });
  expect(quiet.webhook?.read(Buffer.of()).observation).toMatchObject({ outcome: told });
});

test('a secret that a quote was cut in is not told in part either', async () => {
  const reason = { code: 'provider_failed', message: 'It said: whsec_01' };
  const settings = { apiKey: 'key', webhookSecrets: ['whsec_0123'] };
  const quiet = withoutSecrets(adapter({ verdict: 'failed', reason }), settings);
  expect((await quiet.submit(request)).outcome).toMatchObject({
    reason: { message: 'It said: (removed)' },
  });
});

test('an adapter keeps what it can do, and gains nothing', () => {
  const { prepare, cancel, account, webhook, ...plain } = adapter();
  const whole = withoutSecrets({ ...plain, prepare, webhook } as ProviderAdapter, SECRETS);
  expect(Object.keys(whole)).toEqual(expect.arrayContaining(['prepare', 'webhook']));
  expect([cancel, account].every(Boolean)).toBe(true);
  expect(Object.keys(withoutSecrets(plain, SECRETS)).sort()).toEqual(Object.keys(plain).sort());
});

test('causes that lead back to where they began do not turn "certainly not accepted" into a bug', async () => {
  const first = new Retryable('unavailable', SAID);
  first.cause = new Error(SAID, { cause: first });
  const submit = () => Promise.reject(first);
  const quiet = withoutSecrets({ ...adapter(), submit }, SECRETS);
  expect(await quiet.submit(request).catch((reason: unknown) => reason)).toBe(first);
  expect(first).toMatchObject({ message: CLEAN, cause: { message: CLEAN } });
});
