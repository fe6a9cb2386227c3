import { availableParallelism } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { runTool, type Tool } from '../rig/run-tool.ts';
import { measureAll } from './metrics.ts';
import { BENCH_HELP, type BenchOptions, readBenchOptions } from './options.ts';
import { serverVersion } from './redis-cost.ts';
import { printJson, printTable } from './report.ts';
import { startStack } from './stack.ts';

/** Measures the webhook path against the simplest provider there can be. */
const webhookPath: Tool<BenchOptions> = {
  help: BENCH_HELP,
  readOptions: readBenchOptions,
  async run(options, cleanup, say) {
    const stack = await startStack(cleanup, { profile: options.profile, say });
    const dead = Promise.race([stack.provider.failed, stack.web.failed, stack.worker.failed]);
    const metrics = await Promise.race([
      measureAll(stack, options, say).catch(async (error: unknown) => {
        // A connection breaks a moment before its process is known to have ended, which says more.
        await wait(500);
        throw error;
      }),
      dead,
    ]);
    const about = {
      node: process.version,
      redis: await serverVersion(stack.redis),
      cpus: availableParallelism(),
    };
    say('done');
    const machine = `Node ${about.node}, ${about.redis}, ${about.cpus} CPUs, compiled code`;
    const text = options.json
      ? printJson(metrics, { ...about, options })
      : `\n${machine}\n\n${printTable(metrics)}`;
    return { text, isKept: true };
  },
};

/** What else can be measured, by the first word of the arguments; the rest of them is its own. */
const command = process.argv[2];
if (command === 'fairness' || command === 'sharing') process.argv.splice(2, 1);
if (command === 'fairness') await runTool((await import('./fairness/tool.ts')).fairness);
else if (command === 'memory') await import('./memory/main.ts');
else if (command === 'sharing') await runTool((await import('./sharing/tool.ts')).sharing);
else await runTool(webhookPath);
