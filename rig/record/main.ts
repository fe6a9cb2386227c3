import { writeFile } from 'node:fs/promises';
import { exitWith } from '../../src/config/start-up.ts';
import { Cleanup } from '../cleanup.ts';
import { UsageError } from '../flags.ts';
import { sayWithSeconds } from '../run-tool.ts';
import { differences } from './compare.ts';
import { RECORD_HELP, readRecordOptions } from './options.ts';
import { record } from './record.ts';
import { recordSimulated } from './simulated.ts';

async function main(cleanup: Cleanup): Promise<void> {
  const options = readRecordOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(RECORD_HELP);
    return;
  }
  const say = sayWithSeconds();
  const { recording, text } = await record({ ...options, env: process.env }, cleanup, say);
  await writeFile(options.out, text);
  say(`it ended as ${recording.end}; written to ${options.out}`);
  if (!options.compare) return;
  say('the same at the simulated provider');
  const lines = differences(recording, await recordSimulated(options, cleanup));
  const found = lines.length === 0 ? 'Nothing differs in shape.' : lines.join('\n');
  process.stdout.write(`${found}\n`);
  process.exitCode = lines.length === 0 ? 0 : 1;
}

const cleanup = new Cleanup();
await main(cleanup)
  .finally(() => cleanup.run())
  .catch((error: unknown) => {
    if (!(error instanceof UsageError)) exitWith(error);
    process.stderr.write(`${error.message}\n\n${RECORD_HELP}`);
    process.exit(2);
  });
