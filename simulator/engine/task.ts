import type { Dialect } from '../contract/dialect.ts';
import type { TaskFacts, TaskView, Verdict } from '../contract/task.ts';
import type { Scenario, ScenarioName } from '../scenarios/scenarios.ts';
import type { Clock } from './clock.ts';

/** One accepted piece of imaginary work. */
export interface Task extends TaskFacts {
  readonly scenarioName: ScenarioName;
  readonly scenario: Scenario;
  /** Simulated time it takes. */
  readonly latencyMs: number;
  readonly resultUrls: string[];
  /** Resolves when the verdict is there. */
  readonly final: Promise<void>;
  readonly markFinal: () => void;
  verdict: Verdict | undefined;
  finishedAtMs: number | undefined;
  polls: number;
}

/** Part of a task's life during which an undocumented status is shown. */
const UNDOCUMENTED_SHARE = 0.6;

/** A task that has just been accepted. */
export function createTask(
  start: Pick<
    Task,
    'id' | 'submission' | 'scenarioName' | 'scenario' | 'acceptedAtMs' | 'latencyMs' | 'resultUrls'
  >,
): Task {
  let markFinal: () => void = () => undefined;
  const final = new Promise<void>((resolve) => {
    markFinal = resolve;
  });
  return { ...start, final, markFinal, verdict: undefined, finishedAtMs: undefined, polls: 0 };
}

/** What can be said about the task at `nowMs`. */
export function viewOf(task: Task, dialect: Dialect, clock: Clock, nowMs: number): TaskView {
  if (task.verdict?.state === 'completed') {
    return { ...task.verdict, resultUrls: task.resultUrls };
  }
  if (task.verdict) return task.verdict;
  const latencyMs = Math.max(1, clock.toRealMs(task.latencyMs));
  const share = (nowMs - task.acceptedAtMs) / latencyMs;
  return { state: 'live', status: liveStatusAt(task.scenario, dialect, share) };
}

function liveStatusAt(scenario: Scenario, dialect: Dialect, share: number): string {
  const [first] = dialect.liveStatuses;
  if (scenario.neverFinishes) return first;
  if (scenario.undocumentedStatus && share < UNDOCUMENTED_SHARE) return scenario.undocumentedStatus;
  const step = Math.min(
    dialect.liveStatuses.length - 1,
    Math.floor(share * dialect.liveStatuses.length),
  );
  return dialect.liveStatuses[step] ?? first;
}
