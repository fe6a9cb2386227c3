import type { ImagePool } from '../pictures/image-pool.ts';
import type { Results } from '../pictures/results.ts';
import type { ActiveScenarios } from '../scenarios/active-scenarios.ts';
import type { Clock } from './clock.ts';
import type { WebhookSender } from './webhook-sender.ts';

/** What all providers of one simulator share. */
export interface SimulatorContext {
  clock: Clock;
  results: Results;
  imagePool: ImagePool;
  sender: WebhookSender;
  scenarios: ActiveScenarios;
  /** How long a link to a result lives after its task's end, in real time; for ever when infinite. */
  readonly resultLifetimeMs: number;
  /** Simulated time the next task takes. */
  nextLatencyMs(): number;
  /** The simulator's own address, without a slash at the end. */
  baseUrl(): string;
  /** Ends when the simulator is reset or closed; work begun before must then leave no trace. */
  stopSignal(): AbortSignal;
  log(line: string): void;
}
