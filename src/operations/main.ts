#!/usr/bin/env node
import { exitWith } from '../config/start-up.ts';
import { configure } from '../core.ts';
import { BACKFILL } from './backfill.ts';
import { type Command, UsageError } from './command.ts';
import { runConnected } from './connect.ts';
import { ERASE } from './erase.ts';
import { REDRIVE } from './redrive.ts';

/** The operators' commands, by the first argument. */
const COMMANDS: Readonly<Record<string, Command>> = {
  backfill: BACKFILL,
  redrive: REDRIVE,
  erase: ERASE,
};

const HELP = `catwalk COMMAND [options]

What an operator runs by hand:

${Object.entries(COMMANDS)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}\n`)
  .join('')}
Each has a --help of its own. In Catwalk's own repository: npm run COMMAND -- [options].

Needs REDIS_URL, REDIS_NAMESPACE and the providers' settings as the workers have them;
docs/settings.md lists them.
Exits with 0 when done, 1 when it could not, 2 after wrong usage.
`;

const isHelp = (argument: string): boolean => argument === '--help' || argument === '-h';

async function main([name = '', ...args]: string[]): Promise<void> {
  if (isHelp(name)) {
    process.stdout.write(HELP);
    return;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!name) {
    process.stderr.write(HELP);
    process.exit(2);
  }
  if (!command) {
    const known = Object.keys(COMMANDS).join(' or ');
    throw new UsageError(`there is no command ${name}: use ${known}`);
  }
  if (args.some(isHelp)) {
    process.stdout.write(command.help);
    return;
  }
  const run = command.read(args);

  const installation = await configure(process.env, {
    ...{ apiKeys: false, secret: false },
    // Standard output is the command's own.
    logTo: process.stderr,
  });
  try {
    await runConnected(installation, run);
  } finally {
    await installation.close();
  }
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message.trimEnd()}\nTry --help.\n`);
    process.exit(2);
  }
  exitWith(error);
});
