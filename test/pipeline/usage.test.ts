import { expect, test } from 'vitest';
import { API_KEY, setupPipeline } from '../support/pipeline.ts';

test('a tenant’s usage is what it asked for, how that ended, and what the provider reported', async () => {
  const pipeline = await setupPipeline();
  const good = await Promise.all([1, 2, 3].map(() => pipeline.request('fashn')));
  const bad = await pipeline.request('fashn', { scenario: 'failed' });
  const shown = await pipeline.untilSettled([...good, bad]);
  expect(shown.map(({ status }) => status)).toEqual([...good.map(() => 'completed'), 'failed']);
  const headers = { authorization: `Bearer ${API_KEY}` };
  const response = await fetch(`${pipeline.web.url}/v1/usage?days=2`, { headers });
  // Two days, for midnight may come while it runs.
  const { days } = (await response.json()) as { days: { models: Model[] }[] }; // our own answer
  const models = days.flatMap((day) => day.models);
  const sum = (of: (model: Model) => number) => models.reduce((total, one) => total + of(one), 0);
  expect(sum(({ asked }) => asked)).toBe(4);
  expect(sum(({ ended }) => ended.completed ?? 0)).toBe(3);
  expect(sum(({ ended }) => ended.failed ?? 0)).toBe(1);
  const charged = sum(({ charged: [charge] }) => charge?.amount ?? 0);
  const told = shown.map(({ charge }) => (charge && 'amount' in charge ? charge.amount : 0));
  expect(charged).toBe(told.reduce((total, amount) => total + amount, 0));
  expect(charged).toBeGreaterThan(0);
});

interface Model {
  readonly asked: number;
  readonly ended: Readonly<Record<string, number>>;
  readonly charged: readonly { readonly amount: number }[];
}
