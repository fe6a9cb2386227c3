import type { Cleanup } from '../cleanup.ts';
import { startSimulation } from '../simulation.ts';
import { type Asked, record } from './record.ts';
import type { Recording } from './recording.ts';

/** So often that no status word of a short task is missed. */
const POLLED = { firstAfterMs: 50, everyMs: 50, longestMs: 50 };

/** The same generation at the simulated provider, with pictures that it has. */
export async function recordSimulated(
  { provider, model, input, webhook }: Omit<Asked, 'env'>,
  cleanup: Cleanup,
): Promise<Recording> {
  const nobody = 'http://127.0.0.1:1';
  const args = ['--latency', '1000-3000', '--quiet'];
  const simulation = await startSimulation({ publicUrl: nobody, args });
  cleanup.add(() => simulation.process.stop());
  const env = { ...simulation.env([provider]), ALLOW_INSECURE_URLS: 'true' };
  const profiles = { POLL_PROFILES: JSON.stringify({ [provider]: POLLED }) };
  const pictures = withPictures(input, `${simulation.url}/assets`);
  const asked = {
    provider,
    model,
    input: pictures,
    webhook: webhook && nobody,
    env: { ...env, ...profiles },
  };
  return (await record(asked, cleanup, () => {})).recording;
}

/** The input with a picture of the simulator's in place of each link. */
export function withPictures(value: unknown, assets: string, field = ''): unknown {
  if (typeof value === 'string' && /^https?:/i.test(value)) {
    return `${assets}/${/garment|cloth|product/i.test(field) ? 'garment-shirt' : 'person'}.png`;
  }
  if (Array.isArray(value)) return value.map((item) => withPictures(item, assets, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withPictures(item, assets, name)]),
  );
}
