import { createRounds } from '../producers/rounds.ts';
import { type Findings, findAffected } from './affected.ts';
import { BACKFILL_HELP, type BackfillOptions, readBackfillOptions } from './backfill-options.ts';
import { renderReports, reportOf } from './backfill-report.ts';
import { type Command, chosenProviders, type Operation } from './command.ts';
import { passedOverLine } from './passed-over.ts';
import { watchChecks } from './watch-checks.ts';

/** After an outage of our own web process: has every affected generation checked now. */
export const BACKFILL: Command = {
  about: 'check now what waits for a webhook that will not come',
  help: BACKFILL_HELP,
  read(args) {
    const options = readBackfillOptions(args, Date.now());
    return (operation) => backfill(options, operation);
  },
};

async function backfill(options: BackfillOptions, operation: Operation): Promise<void> {
  const { store, isTerminal, say } = operation;
  const providers = chosenProviders(options.providers, operation);
  const { since, dryRun } = options;
  const findings = await findAffected(operation, { providers, since, dryRun });
  if (!dryRun) await ensureRounds(findings, operation);

  const reports = [...findings.byProvider].map(([name, affected]) =>
    reportOf(name, affected, operation.providers.get(name)?.limits.pollsPerSecond ?? 1),
  );
  const waiting = [...findings.byProvider.values()].flatMap((affected) => affected.waiting);
  if (!options.json) say(renderReports(reports) + remarks(findings, dryRun));
  const watched = options.waits
    ? await watchChecks(waiting, { store, isTerminal, say: options.json ? () => undefined : say })
    : undefined;
  if (options.json) {
    const { unreadable } = findings;
    const about = { dryRun, since: new Date(since).toISOString(), unreadable };
    say(`${JSON.stringify({ ...about, checkedOrEnded: watched ?? null, providers: reports })}\n`);
  }
}

/** The first round of each provider begins at once; each makes sure of the next. */
async function ensureRounds({ byProvider }: Findings, operation: Operation): Promise<void> {
  const { queues, now } = operation;
  const rounds = createRounds(queues, now);
  for (const [name, { waiting, putBack }] of byProvider) {
    if (waiting.length + putBack > 0) await rounds.ensure(name, now());
  }
}

function remarks({ unreadable }: Findings, dryRun: boolean): string {
  const lines = [
    ...(unreadable > 0 ? [`${passedOverLine(unreadable)}.`] : []),
    ...(dryRun ? ['Nothing was written.'] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
