import { type Command, chosenProviders, type Operation, UsageError } from './command.ts';
import { redriveGenerations } from './redrive-generations.ts';
import { redriveJobs } from './redrive-jobs.ts';
import { REDRIVE_HELP, type RedriveOptions, readRedriveOptions } from './redrive-options.ts';
import { createRedriveReport, type RedriveReport } from './redrive-report.ts';

const TELL_EVERY_MS = 2_000;

/**
 * Lists dead letters, and tries them again. Shows ids, names and counts only: never an input, a URL,
 * metadata or a payload.
 */
export const REDRIVE: Command = {
  about: 'list dead letters, and try them again without paying twice',
  help: REDRIVE_HELP,
  read(args) {
    const options = readRedriveOptions(args, Date.now());
    return (operation) => redrive(options, operation);
  },
};

async function redrive(options: RedriveOptions, operation: Operation): Promise<void> {
  const { dryRun, json, filter } = options;
  chosenProviders(filter.providers, operation);
  await refuseUnknownQueues(filter.queues, operation);
  const report = createRedriveReport(options.limit);
  const show = progress(report);
  if (filter.queues.length === 0) {
    await redriveGenerations(operation, options, report, show);
  }
  await redriveJobs(operation, options, report, show);
  operation.say(json ? report.json(dryRun) : report.text(dryRun));
}

/** A queue that nobody ever opened is a slip of the pen. */
async function refuseUnknownQueues(
  names: readonly string[],
  { redis, queues }: Operation,
): Promise<void> {
  for (const name of names) {
    if ((await redis.exists(queues.get(name).toKey('meta'))) > 0) continue;
    throw new UsageError(`--queue: there is no queue ${name}`);
  }
}

/** On standard error, so that it does not mix with the result. */
function progress(report: RedriveReport): (read: number) => void {
  let read = 0;
  let toldAt = Date.now();
  return (more) => {
    read += more;
    if (Date.now() < toldAt + TELL_EVERY_MS) return;
    toldAt = Date.now();
    process.stderr.write(`${read} read, ${report.triedAgain()} to try again\n`);
  };
}
