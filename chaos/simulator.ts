import { parseFlags, startSimulator } from '../simulator/index.ts';
import { atelier } from './atelier/dialect.ts';

/** `npm run simulator`, with Atelier. */
const simulator = await startSimulator({
  ...parseFlags(process.argv.slice(2)).options,
  moreDialects: [atelier],
});
process.once('SIGTERM', () => void simulator.close().then(() => process.exit()));
process.stdout.write(`simulator ready at ${simulator.url}\n`);
