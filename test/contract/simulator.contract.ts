import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import type { Outcome } from '../../src/generation/generation.ts';
import { fileTypeOf } from '../../src/outbound/file-type.ts';
import { isAuthentic } from '../../src/providers/provider.ts';
import { REASONS } from '../../src/providers/reasons.ts';
import type { Fixture } from './fixture.ts';
import { meaningOf } from './meaning.ts';
import { applyRules, type Rule, rule, ruleUnless } from './rule.ts';
import { saysWhatIsUnknown } from './rules/odd-answers.ts';
import { openSimulated, type Simulated } from './simulated.ts';
import { findBy, refusedBy } from './world.ts';

const withWebhook = ruleUnless(
  ({ declares }) => declares.webhook === 'none' && 'poll-only: has no webhook',
);

/** What must be true when the real adapter meets the simulator's idea of its provider. */
const SIMULATOR_RULES: readonly Rule[] = [
  rule('every model’s submission ends in results that can be had', async (fixture) => {
    for (const model of new Set(fixture.samples.map((sample) => sample.model))) {
      const world = await openSimulated(fixture);
      const { outcome } = await world.run(model);
      await expectResults(world, outcome);
      expect(world.book().accepted).toHaveLength(1);
    }
  }),

  rule('what the provider moderates away is a failure with a reason of ours', async (fixture) => {
    const { outcome } = await (await openSimulated(fixture, 'moderation')).run();
    expect(outcome.verdict).toBe('failed');
    if (outcome.verdict !== 'failed') return;
    expect(Object.keys(REASONS)).toContain(outcome.reason.code);
  }),

  rule('what fails inside the provider is a failure with a reason of ours', async (fixture) => {
    const { outcome } = await (await openSimulated(fixture, 'failed')).run();
    expect(outcome.verdict).toBe('failed');
    if (outcome.verdict === 'failed') expect(Object.keys(REASONS)).toContain(outcome.reason.code);
  }),

  rule('a lost reply is an unknown outcome, of one accepted task', async (fixture) => {
    const world = await openSimulated(fixture, 'lost-reply');
    const request = await world.request();
    expect(await meaningOf(world.adapter.submit(request))).toMatchObject({ is: 'OutcomeUnknown' });
    expect(world.book().accepted).toHaveLength(1);
  }),

  ruleUnless(({ declares }) => declares.repeatSubmit === 'none' && 'recognises no repeat')(
    'after a lost reply the one task is found again, and nothing is paid twice',
    async (fixture) => {
      const world = await openSimulated(fixture, 'lost-reply');
      const request = await world.request();
      await refusedBy(world.adapter.submit(request));
      const task = fixture.declares.lookUp
        ? await findBy(world, request)
        : (await world.adapter.submit(request)).task;
      const accepted = world.book().accepted;
      expect(accepted).toHaveLength(1);
      expect(task?.id).toBe(accepted[0]?.taskId);
    },
  ),

  rule('a gateway’s error in place of the answer is an unknown outcome', async (fixture) => {
    const world = await openSimulated(fixture, 'gateway-timeout');
    const means = await meaningOf(world.adapter.submit(await world.request()));
    expect(means).toMatchObject({ is: 'OutcomeUnknown' });
    expect(world.book().accepted).toHaveLength(1);
  }),

  rule('too many requests are held, cost nothing, and pass later', async (fixture) => {
    const world = await openSimulated(fixture, 'rate-limited');
    const request = await world.request();
    const error = await refusedBy(world.adapter.submit(request));
    expect(error).toMatchObject({ name: 'Retryable', code: 'rate_limited' });
    expect(world.book().accepted).toHaveLength(0);
    const { retryAfterMs } = error as { retryAfterMs?: number }; // a Retryable: asserted above
    if (retryAfterMs !== undefined) expect(retryAfterMs).toBeGreaterThanOrEqual(1_000);
    await world.adapter.submit(request);
    expect(world.book().accepted).toHaveLength(1);
  }),

  rule('an account without credit holds everything', async (fixture) => {
    const world = await openSimulated(fixture, 'out-of-credit');
    const means = await meaningOf(world.adapter.submit(await world.request()));
    expect(means).toMatchObject({ is: 'Retryable', code: 'out_of_credit' });
  }),

  rule('a page instead of an answer is an unknown outcome', async (fixture) => {
    const world = await openSimulated(fixture, 'html-error');
    const means = await meaningOf(world.adapter.submit(await world.request()));
    expect(means).toMatchObject({ is: 'OutcomeUnknown' });
  }),

  rule('a 500 is an unknown outcome, unless the provider says that it refused', async (fixture) => {
    const world = await openSimulated(fixture, 'server-errors');
    const means = await meaningOf(world.adapter.submit(await world.request()));
    const documented = fixture.submitErrors.find(({ answers }) => answers.submit?.status === 500);
    expect(means).toMatchObject({ is: documented?.means.is ?? 'OutcomeUnknown' });
    if (means.is === 'Retryable') expect(world.book().accepted).toEqual([]);
  }),

  rule('a task that is not done is live', async (fixture) => {
    for (const scenario of ['stuck', 'unknown-status'] as const) {
      const world = await openSimulated(fixture, scenario, { timeScale: 1 });
      const { task } = await world.adapter.submit(await world.request());
      expect(await world.check(task), scenario).toMatchObject({ kind: 'live' });
    }
  }),

  rule('a task that nobody knows is missing', async (fixture) => {
    const world = await openSimulated(fixture);
    const observation = await world.check({ id: fixture.taskId(404) });
    expect(observation).toEqual({ kind: 'missing' });
  }),

  saysWhatIsUnknown('what answers for the provider ends nothing', async (fixture) => {
    for (const scenario of ['odd-404', 'gateway-page'] as const) {
      const world = await openSimulated(fixture, scenario);
      const { task } = await world.adapter.submit(await world.request());
      await world.ended();
      const seen: string[] = [];
      while (seen.at(-1) !== 'completed' && seen.length < 10) {
        seen.push((await meaningOf(world.check(task))).is);
      }
      const odd = seen.slice(0, -1);
      expect(odd.length, scenario).toBeGreaterThan(1);
      expect(new Set(odd), scenario).toEqual(new Set(['Retryable']));
      expect(seen.at(-1), scenario).toBe('completed');
    }
  }),

  withWebhook('a delivery to a real receiver is authentic and tells the end', async (fixture) => {
    const world = await openSimulated(fixture);
    const { task } = await world.run();
    const final = await world.finalDelivery();
    const { webhook } = world.adapter;
    if (!webhook) throw new Error('the adapter has a webhook');
    expect(await isAuthentic(webhook, final)).toBe(true);
    const reading = webhook.read(final.body);
    expect(reading.taskId).toBe(task.id);
    expect(reading.observation).toMatchObject({
      kind: 'final',
      outcome: { verdict: 'completed' },
    });
  }),

  withWebhook('a delivery of a failure tells the same as the check', async (fixture) => {
    const world = await openSimulated(fixture, 'moderation');
    const { outcome } = await world.run();
    const final = await world.finalDelivery();
    const observation = world.adapter.webhook?.read(final.body).observation;
    expect(observation).toMatchObject({ kind: 'final', outcome: { verdict: outcome.verdict } });
  }),

  ruleUnless(({ declares }) => {
    if (declares.webhook === 'none') return 'poll-only: has no webhook';
    return declares.signature === 'none' && 'signs nothing: nothing tells a forgery';
  })('a forged delivery is refused, and the true one believed', async (fixture) => {
    const world = await openSimulated(fixture, 'forged-signature');
    await world.run();
    const verdicts: boolean[] = [];
    for (const delivery of await world.deliveriesOfEnd(2)) {
      verdicts.push((await world.adapter.webhook?.verify?.(delivery)) === true);
    }
    expect(verdicts.toSorted()).toEqual([false, true]);
  }),

  ruleUnless(({ declares }) => declares.signature === 'none' && 'signs nothing')(
    'while its status cannot be asked, what it signed tells the whole end',
    async (fixture) => {
      const world = await openSimulated(fixture, 'status-down');
      const { task } = await world.adapter.submit(await world.request());
      const delivery = await world.finalDelivery();
      expect(await meaningOf(world.check(task))).toMatchObject({ is: 'Retryable' });
      const { webhook } = world.adapter;
      if (!webhook) throw new Error('what signs has a webhook');
      expect(await isAuthentic(webhook, delivery)).toBe(true);
      const { taskId, observation } = webhook.read(delivery.body);
      expect(taskId).toBe(task.id);
      if (observation.kind !== 'final') throw new Error('It does not tell the end');
      await expectResults(world, observation.outcome);
    },
  ),

  ruleUnless(({ staleToken }) => !staleToken && 'its key does not expire')(
    'a token that expired in the middle is replaced unnoticed',
    async (fixture) => {
      const { outcome } = await (await openSimulated(fixture, 'expired-token')).run();
      expect(outcome.verdict).toBe('completed');
    },
  ),

  ruleUnless(({ declares }) => !declares.account && 'tells nothing of the account')(
    'the account is read',
    async (fixture) => {
      const account = await (await openSimulated(fixture)).adapter.account?.();
      expect(account?.credits).toBeGreaterThan(0);
    },
  ),
];

/** The rules for a provider that the simulator speaks. */
export function simulatorContract(fixture: Fixture): void {
  applyRules(`the simulator and ${fixture.name}`, fixture, SIMULATOR_RULES);
}

async function expectResults(world: Simulated, outcome: Outcome): Promise<void> {
  if (outcome.verdict !== 'completed') throw new Error(`It ended as ${JSON.stringify(outcome)}`);
  expect(outcome.results.length).toBeGreaterThan(0);
  for (const result of outcome.results) {
    if (result.kind === 'data') expect(result.data).toBeTruthy();
    else expect(fileTypeOf(await bytesAt(world, result.url))).toBeDefined();
  }
}

async function bytesAt(world: Simulated, url: string): Promise<Buffer> {
  if (url.startsWith(world.publicUrl)) return readFile(join(world.folder, basename(url)));
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}
