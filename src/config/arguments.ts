/**
 * For a program that is told everything by settings: answers `--help` and ends the process with 0,
 * refuses any other argument with 2, and returns when there is none.
 */
export function takeNoArguments(args: readonly string[], help: string): void {
  if (args.length === 0) return;
  if (args.some((argument) => argument === '--help' || argument === '-h')) {
    process.stdout.write(help);
    process.exit(0);
  }
  process.stderr.write(
    `${args[0]} is not known: there are settings, and no arguments.\nTry --help.\n`,
  );
  process.exit(2);
}

/** What every process's `--help` says about settings and about its end. */
export const ABOUT_SETTINGS = `All settings are environment variables; docs/settings.md lists them. Every one that is missing or
wrong is named at the start. No file is read: node --env-file=.env gives Node one.

  --help, -h    this text

Exits with 0 after an orderly stop (SIGTERM, Ctrl-C), 1 when it could not start or broke off,
2 after wrong usage.
`;
