import { runTool } from '../rig/run-tool.ts';
import { runNaive } from './naive/run.ts';
import { ATTACK_HELP, readAttackOptions } from './options.ts';
import { report } from './report.ts';
import { runAttack } from './run.ts';

/** Throws at Catwalk what strangers may throw at it, while real generations run. */
await runTool({
  help: ATTACK_HELP,
  readOptions: readAttackOptions,
  async run(options, cleanup, say) {
    if (options.naive) return runNaive(options, cleanup, say);
    const { seed, attempts, only, json } = options;
    const outcome = await runAttack(options, cleanup, say);
    return report(outcome, { json, about: { seed, attempts, only } });
  },
});
