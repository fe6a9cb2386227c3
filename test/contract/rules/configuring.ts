import { expect } from 'vitest';
import type { Fixture, OtherInput } from '../fixture.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { modelOf, openWorld, taskSample } from '../world.ts';

/** What operators and apps may say, and where it ends. */
export const configuring: readonly Rule[] = [
  rule('inputs are taken up to the documented bounds, and refused beyond them', async (fixture) => {
    const { adapter } = await openWorld(fixture);
    const { takes = [], refuses } = fixture.bounds;
    expect(refuses.length).toBeGreaterThan(1);
    const isTaken = (other: OtherInput) => {
      const { model, input } = inputOf(fixture, other);
      return modelOf(adapter, model).input.safeParse(input).success;
    };
    for (const other of takes) expect(isTaken(other), JSON.stringify(other)).toBe(true);
    for (const other of refuses) expect(isTaken(other), JSON.stringify(other)).toBe(false);
  }),

  ruleUnless((f) => !f.refusedSettings && 'the schema of the settings says all')(
    'settings that cannot work are refused at once, and the variable is named',
    async (fixture) => {
      for (const [settings, says] of fixture.refusedSettings ?? []) {
        const opening = openWorld(fixture, {
          settings,
          ...('baseUrl' in settings && { baseUrl: () => settings.baseUrl ?? '' }),
        });
        await expect(opening, JSON.stringify(settings)).rejects.toMatchObject({
          code: 'invalid_settings',
          message: expect.stringMatching(says),
        });
      }
    },
  ),

  ruleUnless((f) => !f.taskPath && 'its documents name the path of tasks')(
    'the path of tasks is as the settings say',
    async (fixture) => {
      const { set, sends, asks } = fixture.taskPath ?? { set: '', sends: '', asks: '' };
      const world = await openWorld(fixture, { settings: { taskPath: set } });
      await world.adapter.submit(await world.prepared(world.request(taskSample(fixture))));
      world.answer(fixture.live('waiting'));
      await world.check({ id: fixture.taskId(1) });
      const paths = [...world.sent('submit'), ...world.sent('check')].map(({ url }) => url);
      expect(paths).toEqual([sends, asks]);
    },
  ),

  ruleUnless((f) => !f.submitPath && 'its tasks are created where its documents say')(
    'the path where tasks are created can be set apart from that of the status',
    async (fixture) => {
      const { set, asks } = fixture.taskPath ?? { set: '', asks: '' };
      const submitPath = fixture.submitPath ?? '';
      for (const taskPath of [set, undefined]) {
        const world = await openWorld(fixture, { settings: { taskPath, submitPath } });
        await world.adapter.submit(await world.prepared(world.request(taskSample(fixture))));
        world.answer(fixture.live('waiting'));
        await world.check({ id: fixture.taskId(1) });
        expect(world.sent('submit').map(({ url }) => url)).toEqual([submitPath]);
        const [asked] = world.sent('check').map(({ url }) => url);
        expect(asked).toBe(taskPath ? asks : fixture.checkPath?.(fixture.taskId(1)));
      }
    },
  ),
];

/** The first sample of the model, with what is different. */
function inputOf({ samples }: Fixture, { model = samples[0].model, input }: OtherInput) {
  const sample = samples.find((one) => one.model === model) ?? samples[0];
  return { model, input: { ...sample.input, ...input } };
}
