/** What the package offers: a simulator, what it can be told, what it says, and new dialects. */
export type { Dialect } from './contract/dialect.ts';
export type { Provider } from './contract/provider.ts';
export type { Refusal, RefusalReason } from './contract/refusal.ts';
export type { Submission } from './contract/submission.ts';
export type { TaskFacts, TaskView } from './contract/task.ts';
export { signFal } from './dialects/fal/signature.ts';
export { DIALECTS } from './dialects/registry.ts';
export { replicate } from './dialects/replicate/dialect.ts';
export type { AcceptedEntry, Ledger } from './engine/ledger-entries.ts';
export type { OutageAnswer } from './engine/provider-state.ts';
export { SCENARIOS, type ScenarioName } from './scenarios/scenarios.ts';
export { parseFlags } from './server/flags.ts';
export type { SimulatorOptions } from './server/options.ts';
export { type Simulator, startSimulator } from './server/start-simulator.ts';
