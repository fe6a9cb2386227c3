import { connectCatwalk } from '../src/index.ts';
import { writeHeard } from './heard.ts';

/** The app's subscriber: writes every delivery down. What repeats it shows by its event's id. */

const STOP_MS = 5_000;

const file = process.env['CHAOS_HEARD'] ?? '';
const catwalk = await connectCatwalk(process.env);
await catwalk.onCompletion(
  'recorder',
  ({ id: eventId, data }) => {
    const { generationId, outcome, reason } = data;
    writeHeard(file, { eventId, generationId, outcome, reason: reason?.code ?? null });
  },
  {
    onLateResult: ({ id: eventId, data: { generationId, outcome } }) =>
      writeHeard(file, { eventId, generationId, outcome, reason: null, isLate: true }),
  },
);
process.once('SIGTERM', async () => {
  // Without Redis it would wait for ever.
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await catwalk.close();
  process.exit();
});
