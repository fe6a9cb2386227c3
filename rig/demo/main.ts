import { CannotStart, exitWith } from '../../src/config/start-up.ts';
import { UsageError } from '../flags.ts';
import { EmbeddedRedisError } from '../redis/embedded-redis-error.ts';
import type { Simulation } from '../simulation.ts';
import { DEMO_HELP, readDemoOptions } from './options.ts';
import { planDemo } from './plan.ts';
import { runDemo } from './run.ts';
import { startDemoStack } from './stack.ts';
import { createTimeline } from './timeline.ts';

async function main(): Promise<void> {
  const options = readDemoOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(DEMO_HELP);
    return;
  }
  const timeline = createTimeline();
  timeline.say('starting Redis, the web process, a worker and the providers …');
  const stack = await startDemoStack(timeline.say);
  let failed = false;
  try {
    const assets = stack.simulation && `${stack.simulation.url}/assets`;
    const plans = planDemo(options, assets);
    // Pictures that are sent as bytes do not carry the scenario that their address names.
    if (stack.simulation && options.scenario) await play(stack.simulation, options.scenario);
    failed = !(await runDemo(stack, plans, timeline, options.all));
    if (options.stay) {
      timeline.say(`Bull Board: ${stack.board.url}  (${stack.board.login})`);
      timeline.say('staying until Ctrl-C');
      await new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
      });
    }
  } finally {
    await stack.stop();
  }
  process.exitCode = failed ? 1 : 0;
}

/** @throws UsageError listing the scenarios there are. */
async function play(simulation: Simulation, scenario: string): Promise<void> {
  try {
    await simulation.control('scenario', { name: scenario });
  } catch (error) {
    throw new UsageError(`--scenario: ${error instanceof Error ? error.message : error}`);
  }
}

await main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${DEMO_HELP}`);
    process.exit(2);
  }
  exitWith(error instanceof EmbeddedRedisError ? new CannotStart(error.message) : error);
});
