import { expect } from 'vitest';
import { type Rule, ruleUnless } from '../rule.ts';
import { openWorld } from '../world.ts';

/** What a provider says besides the outcome: what it charged, how far it is, whether a retry helps. */
export const tellingMore: readonly Rule[] = [
  ruleUnless(({ tells }) => !tells && 'its documents say nothing besides the outcome')(
    'what the provider says besides is passed on',
    async (fixture) => {
      const world = await openWorld(fixture);
      const task = await world.begin();
      for (const { name, answers, model, observation } of fixture.tells ?? []) {
        world.answer(answers);
        expect(await world.check(task, model), name).toEqual(observation);
      }
    },
  ),

  ruleUnless(({ testKey }) => !testKey && 'it documents no test keys')(
    'a test key is known by its look',
    async (fixture) => {
      const { adapter } = await openWorld(fixture);
      expect(adapter.isTest ?? false).toBe(false);
      const settings = { apiKey: fixture.testKey ?? '' };
      expect((await openWorld(fixture, { settings })).adapter.isTest).toBe(true);
    },
  ),
];
