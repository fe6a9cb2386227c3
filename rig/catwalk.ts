#!/usr/bin/env node
import { realpathSync } from 'node:fs';

interface Command {
  readonly about: string;
  /** Runs the program: it reads its own arguments behind the command. */
  readonly run: () => Promise<unknown>;
}

/** A program of its own, which finds its arguments where it would without us. */
function program(load: () => Promise<unknown>): Command['run'] {
  return () => {
    process.argv.splice(2, 1);
    return load();
  };
}

/** The same for one that needs the optional packages: without them it says so, and ends with 1. */
function extra(load: () => Promise<unknown>): Command['run'] {
  return program(() =>
    load().catch((error: unknown) => {
      const missing = missingPackage(error);
      if (missing === undefined) throw error;
      process.stderr.write(
        `catwalk ${name} needs the package ${missing}, one of Catwalk's optional dependencies, ` +
          'and it is not installed.\nInstall them with: npm install --include=optional\n',
      );
      process.exitCode = 1;
    }),
  );
}

function missingPackage(error: unknown): string | undefined {
  const isMissing = error instanceof Error && 'code' in error && error.code === NOT_FOUND;
  return isMissing ? /^Cannot find package '([^']+)'/.exec(error.message)?.[1] : undefined;
}

const NOT_FOUND = 'ERR_MODULE_NOT_FOUND';

const operate = (): Promise<unknown> => import('../src/operations/main.ts');

const COMMANDS: Readonly<Record<string, Command>> = {
  dev: {
    about: 'everything in one process, for a laptop, with simulated providers',
    run: extra(() => import('./dev/main.ts')),
  },
  demo: {
    about: 'one generation of every kind, from the request to the picture',
    run: extra(() => import('./demo/main.ts')),
  },
  record: {
    about: 'one paid generation, and how its provider answered: to prove what we assume',
    run: extra(() => import('./record/main.ts')),
  },
  simulator: {
    about: 'stand-ins for the providers, on their own',
    run: extra(() => import('../simulator/main.ts')),
  },
  http: {
    about: 'the web process: API, webhooks, Bull Board',
    run: program(() => import('../src/http/main.ts')),
  },
  worker: {
    about: 'a worker process: submits, polls, completes, notifies',
    run: program(() => import('../src/workers/main.ts')),
  },
  // These find their own name in the arguments.
  redrive: { about: 'list dead letters, and try them again without paying twice', run: operate },
  backfill: { about: 'check now what waits for a webhook that will not come', run: operate },
  erase: { about: 'erase kept results of a generation or a tenant, with proof', run: operate },
};

const HELP = `catwalk COMMAND [options]

${Object.entries(COMMANDS)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}\n`)
  .join('')}
Each has a --help of its own. In Catwalk's own repository: npm run COMMAND -- [options]; after
npm run build, http and worker are npm run start:http and npm run start:worker.
`;

const [, file = '', name = ''] = process.argv;
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command) {
  // Installed, this file is called by a link, and its own name is what process managers show.
  process.argv[1] = realpathSync(file);
  await command.run();
} else if (name === '--help' || name === '-h') {
  process.stdout.write(HELP);
} else {
  const known = Object.keys(COMMANDS).join(', ');
  process.stderr.write(name ? `There is no command ${name}: use one of ${known}.\n` : HELP);
  process.exitCode = 2;
}
