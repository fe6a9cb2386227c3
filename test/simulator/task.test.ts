import { expect, test } from 'vitest';
import { fashn } from '../../simulator/dialects/fashn/dialect.ts';
import { fitinview } from '../../simulator/dialects/fitinview/dialect.ts';
import { DIALECTS } from '../../simulator/dialects/registry.ts';
import { createClock } from '../../simulator/engine/clock.ts';
import { createTask, viewOf } from '../../simulator/engine/task.ts';
import { type ScenarioName, scenarioNamed } from '../../simulator/scenarios/scenarios.ts';

function taskOf(scenarioName: ScenarioName) {
  return createTask({
    id: 't',
    submission: {
      personImage: 'https://a.test/p.png',
      garmentImages: ['https://a.test/g.png'],
      outputSize: { widthPx: 1024, heightPx: 1024, fit: 'inside' },
      resultCount: 1,
      creditCost: 1,
      notes: {},
    },
    scenarioName,
    scenario: scenarioNamed(scenarioName),
    acceptedAtMs: 1_000,
    latencyMs: 300,
    resultUrls: ['https://a.test/r.png'],
  });
}

test.each([
  ['fitinview', 'ok', ['queued', 'queued', 'running', 'running']],
  ['fashn', 'ok', ['starting', 'in_queue', 'processing', 'processing']],
  ['fashn', 'stuck', ['starting', 'starting', 'starting', 'starting']],
  ['fashn', 'unknown-status', ['warming_up', 'warming_up', 'processing', 'processing']],
] as const)('%s under %s shows its live statuses in order', (provider, name, statuses) => {
  const dialect = provider === 'fashn' ? fashn : fitinview;
  const clock = createClock(1);
  const seen = [0, 120, 240, 9_999].map((afterMs) =>
    viewOf(taskOf(name), dialect, clock, 1_000 + afterMs),
  );
  expect(seen).toEqual(statuses.map((status) => ({ state: 'live', status })));
});

test.each(DIALECTS.map((dialect) => [dialect.name, dialect] as const))(
  '%s shows each of its live statuses, in order',
  (_name, dialect) => {
    const clock = createClock(1);
    const { liveStatuses } = dialect;
    const seen = liveStatuses.map((_status, index) => {
      const middleMs = (300 * (index + 0.5)) / liveStatuses.length;
      return viewOf(taskOf('ok'), dialect, clock, 1_000 + middleMs);
    });
    expect(seen).toEqual(liveStatuses.map((status) => ({ state: 'live', status })));
  },
);

test('a task with a verdict shows the verdict and nothing else', () => {
  const task = taskOf('stuck');
  task.verdict = { state: 'completed' };
  expect(viewOf(task, fashn, createClock(1), 1_000)).toEqual({
    state: 'completed',
    resultUrls: ['https://a.test/r.png'],
  });
});
