import type { Cleanup } from '../../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../../rig/compile.ts';
import type { Say, Tool } from '../../rig/run-tool.ts';
import { type Figure, figuresJson, figuresTable, isKept } from '../tenants/promises.ts';
import { measureCallbacks } from './callbacks.ts';
import { measureFlood } from './flood.ts';
import { type Part, readSharingOptions, SHARING_HELP, type SharingOptions } from './options.ts';
import { measurePolls } from './polls.ts';
import { measureRefusal } from './refusal.ts';

/** Measures what one tenant's trouble does to the others. */
export const sharing: Tool<SharingOptions> = {
  help: SHARING_HELP,
  readOptions: readSharingOptions,
  async run(options, cleanup, say) {
    say('compiling');
    const folder = await compileToTemporaryFolder(cleanup);
    const measure = measuresOf(options, { folder, cleanup, say });
    const figures: Figure[] = [];
    for (const part of options.parts) figures.push(...(await measure[part]()));
    const text = options.json
      ? `${JSON.stringify({ options, ...figuresJson(figures) }, null, 2)}\n`
      : `\n${figuresTable(figures)}`;
    return { text, isKept: isKept(figures) };
  },
};

/** Each part, once for every size that was asked for. */
function measuresOf(
  options: SharingOptions,
  { folder, cleanup, say }: { folder: string; cleanup: Cleanup; say: Say },
): Record<Part, () => Promise<Figure[]>> {
  const inTurn = async (
    sizes: readonly number[],
    measure: (size: number) => Promise<Figure[]>,
  ): Promise<Figure[]> => {
    const found: Figure[] = [];
    for (const size of sizes) found.push(...(await measure(size)));
    return found;
  };
  return {
    polls: () =>
      inTurn(options.waiting, (waiting) => {
        say(`polls: ${waiting} submissions wait, and tasks are done`);
        return measurePolls(waiting, folder, cleanup);
      }),
    refusal: () => {
      say('refusal: one request is always answered 403');
      return measureRefusal(folder, cleanup);
    },
    callbacks: () =>
      inTurn(options.silent, (silent) => {
        say(`callbacks: ${silent} events to an endpoint that never answers`);
        return measureCallbacks(silent, folder, cleanup);
      }),
    flood: () => {
      say(`flood: ${options.flood} requests of one tenant, and then another's`);
      return measureFlood(options.flood, folder, cleanup);
    },
  };
}
