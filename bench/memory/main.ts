import { Cleanup } from '../../rig/cleanup.ts';
import { runTool } from '../../rig/run-tool.ts';
import { startStack } from '../stack.ts';
import { type Filled, fillWhileItFlows, fillWhileNothingMoves } from './brake.ts';
import { MEMORY_BENCH_HELP, readMemoryBenchOptions } from './options.ts';
import { type BytesEach, measureStates } from './states.ts';

await runTool({
  help: MEMORY_BENCH_HELP,
  readOptions: readMemoryBenchOptions,
  async run({ records, maxmemoryMb, json }, cleanup, say) {
    const states = await apart(cleanup, async (own) => {
      const stack = await startStack(own, { redisSettings: {}, say });
      return measureStates(stack, own, records, say);
    });
    const filled = await apart(cleanup, async (own) => {
      const stack = await startStack(own, {
        redisSettings: { maxmemory: `${maxmemoryMb}mb` },
        say,
      });
      const subscriber = await stack.startSubscriber();
      return [
        await fillWhileNothingMoves(stack, subscriber, say),
        await fillWhileItFlows(stack, subscriber, say),
      ];
    });
    const isKept = filled.every(({ lost, refused, peakShare }) => {
      return lost === 0 && refused > 0 && peakShare <= 1;
    });
    const text = json
      ? `${JSON.stringify({ records, maxmemoryMb, states, filled }, null, 2)}\n`
      : `\n${bytesTable(states)}\n${filledTable(filled, maxmemoryMb)}`;
    return { text, isKept };
  },
});

/** Everything that `work` starts ends with it. */
async function apart<T>(cleanup: Cleanup, work: (own: Cleanup) => Promise<T>): Promise<T> {
  const own = new Cleanup();
  cleanup.add(() => own.run());
  try {
    return await work(own);
  } finally {
    await own.run();
  }
}

function bytesTable(states: readonly BytesEach[]): string {
  return table([
    ['bytes in Redis for each', 'bytes', 'what that is'],
    ...states.map(({ what, bytes, note }) => [what, bytes.toFixed(0), note]),
  ]);
}

function filledTable(filled: readonly Filled[], maxmemoryMb: number): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  return table([
    [`maxmemory ${maxmemoryMb} MB`, ...filled.map(({ how }) => how)],
    ['memory at the brake', ...filled.map(({ brakeShare }) => percent(brakeShare))],
    ['most memory, until all had ended', ...filled.map(({ peakShare }) => percent(peakShare))],
    ['requests refused', ...filled.map(({ refused }) => String(refused))],
    ['accepted', ...filled.map(({ accepted }) => String(accepted))],
    ['finished', ...filled.map(({ finished }) => String(finished))],
    ['told', ...filled.map(({ told }) => String(told))],
    ['lost', ...filled.map(({ lost }) => String(lost))],
  ]);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '));
  lines.splice(1, 0, '-'.repeat(Math.max(...lines.map((line) => line.length))));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
