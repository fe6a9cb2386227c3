import { parseFlags } from '../simulator/server/flags.ts';
import { startSimulator } from '../simulator/server/start-simulator.ts';
import { atelier } from './atelier/dialect.ts';

/** `npm run simulator`, with Atelier. */
const simulator = await startSimulator({
  ...parseFlags(process.argv.slice(2)).options,
  moreDialects: [atelier],
});
process.once('SIGTERM', () => void simulator.close().then(() => process.exit()));
