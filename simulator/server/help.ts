import { DIALECTS } from '../dialects/registry.ts';
import { SCENARIOS } from '../scenarios/scenarios.ts';
import { DEFAULT_PORT } from './flags.ts';

/** What `--help` prints. */
export function helpText(): string {
  const width = Math.max(...Object.keys(SCENARIOS).map((name) => name.length));
  const scenarioLines = Object.entries(SCENARIOS).map(
    ([name, { description }]) => `  ${name.padEnd(width)}  ${description}`,
  );
  const dialectLines = DIALECTS.map((dialect) => {
    const switches = Object.entries(dialect.switches).map(([k, all]) => `${k}=${all.join('|')}`);
    const secret = dialect.webhook
      ? dialect.defaultSecret || 'none, webhooks are unsigned'
      : 'none, poll only';
    return `  /${dialect.name}  secret: ${secret}; switches: ${switches.join(', ') || 'none'}`;
  });
  return `Stand-in try-on providers on loopback.

Usage: npx catwalk simulator [flags]

  --port <0-65535>              default ${DEFAULT_PORT}; 0 picks a free one
  --latency <min>-<max>         how long a task takes, in ms; default 2000-8000
  --result-lifetime <ms>        how long links to results live after the end; default: for ever
  --time-scale <factor>         multiplies every simulated time; default 1
  --scenario <name>             for submits that ask for none; default ok
  --seed <number>               makes latencies repeatable
  --key <provider>=<key>        accept only this key (id:secret where there are two parts); may be
                                repeated
  --secret <provider>=<secret>  webhook signing secret
  --webhook <provider>=<url>    the account's webhook, for submits that name none
  --credits <provider>=<n>      credits at the start
  --switch <provider>.<s>=<v>   choose where the provider's documents disagree
  --quiet                       no line per finished task
  --exit-with-stdin             stop when stdin closes, so a dead parent leaves nothing behind
  --help                        this text

Providers:
${dialectLines.join('\n')}

Scenarios (header x-simulate, or ?simulate=<name> in an input image's URL; ?marker=<name> is kept
in the ledger; a picture from /assets carries both in its bytes):
${scenarioLines.join('\n')}

Control: GET /_simulator/scenarios, POST /_simulator/scenario, POST /_simulator/webhook,
POST /_simulator/outage, GET and DELETE /_simulator/ledger, POST /_simulator/reset.
Pictures: /assets/<file>, /results/<id>.<format>.
`;
}
