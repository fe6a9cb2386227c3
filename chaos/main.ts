import { runTool } from '../rig/run-tool.ts';
import { CHAOS_HELP, readChaosOptions } from './options.ts';
import { report } from './report.ts';
import { runChaos } from './run.ts';

/** Breaks everything that can break while generations run, and compares the books afterwards. */
await runTool({
  help: CHAOS_HELP,
  readOptions: readChaosOptions,
  async run(options, cleanup, say) {
    const { findings, run } = await runChaos(options, cleanup, say);
    const { generations, seed, providers, naive, appendfsync, powerCuts } = options;
    const mayLoseLastSecond = appendfsync === 'everysec';
    return report(findings, run, {
      json: options.json,
      redis: { mayLoseLastSecond, losesLastSecond: mayLoseLastSecond && powerCuts },
      about: { generations, seed, providers, naive, appendfsync, powerCuts },
    });
  },
});
