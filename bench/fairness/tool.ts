import type { Cleanup } from '../../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../../rig/compile.ts';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import type { Say, Tool } from '../../rig/run-tool.ts';
import { figuresJson, figuresTable, isKept } from '../tenants/promises.ts';
import { type Case, casesFor } from './cases.ts';
import { measureCost } from './cost.ts';
import { type Measured, measureCatwalk } from './measure.ts';
import { FAIRNESS_HELP, type FairnessOptions, readFairnessOptions } from './options.ts';
import { measurePlain, type PlainOrder } from './plain-bullmq.ts';
import { type CaseResult, caseFigures, caseTable, costFigures } from './report.ts';

/** Measures whether tenants get their shares. */
export const fairness: Tool<FairnessOptions> = {
  help: FAIRNESS_HELP,
  readOptions: readFairnessOptions,
  async run(options, cleanup, say) {
    say('compiling');
    const folder = await compileToTemporaryFolder(cleanup);
    const { seconds } = options;
    const cases = options.tenants.flatMap((count) => casesFor(count, seconds));
    const own = new Map<Case, Measured>();
    for (const one of cases) {
      say(`Catwalk: ${one.name}`);
      own.set(one, await measureCatwalk(one, { folder, seconds }, cleanup));
    }
    say('plain BullMQ: all of them at once');
    const plain = await measureAllPlain(cases, seconds, cleanup, say);
    const results = cases.flatMap((one): CaseResult[] => {
      const [catwalk, fifo, line] = [own.get(one), plain.fifo.get(one), plain.line.get(one)];
      return catwalk && fifo && line ? [{ one, catwalk, fifo, line }] : [];
    });
    const figures = results.flatMap(caseFigures);
    if (options.cost) {
      const most = Math.max(...options.tenants);
      say(`cost: one tenant alone and one of ${most}, in turn`);
      figures.push(...costFigures(most, await measureCost({ folder, tenants: most }, cleanup)));
    }
    const text = options.json
      ? `${JSON.stringify({ options, ...figuresJson(figures), cases: results.map(forPrograms) }, null, 2)}\n`
      : `${results.map(caseTable).join('')}\n${figuresTable(figures)}`;
    return { text, isKept: isKept(figures) };
  },
};

/** Both orders of every case, side by side: they cost next to nothing. */
async function measureAllPlain(
  cases: readonly Case[],
  seconds: number,
  cleanup: Cleanup,
  say: Say,
) {
  const redis = await startEmbeddedRedis({ log: say });
  cleanup.add(redis.stop);
  const measure = async (order: PlainOrder): Promise<Map<Case, Measured>> => {
    const measured = cases.map(async (one, n) => {
      const at = { redisUrl: redis.url, seconds, queue: `plain-${order}-${n}` };
      return [one, await measurePlain(one, order, at, cleanup)] as const;
    });
    return new Map(await Promise.all(measured));
  };
  const [fifo, line] = await Promise.all([measure('fifo'), measure('line')]);
  return { fifo, line };
}

function forPrograms({ one: { name }, catwalk, fifo, line }: CaseResult) {
  return { name, catwalk, fifo, line };
}
