import { expect, test } from 'vitest';
import { API_KEY, type Shown, setupPipeline } from '../support/pipeline.ts';
import { startProviderFront, type TurnedAway } from '../support/provider-front.ts';
import { until } from '../support/until.ts';

const OTHER_KEY = 'pipeline-tests-other-tenant-key';
const answering = (status: number): TurnedAway => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: '{"error":"Refused","message":"No."}',
});

/** FASHN behind a door that may refuse some; two tenants; a circuit that opens for a second. */
async function setup(env: Record<string, string> = {}) {
  const front = await startProviderFront();
  const keys = { acme: API_KEY, other: OTHER_KEY };
  const pipeline = await setupPipeline({
    env: {
      API_KEYS: `acme:${keys.acme},other:${keys.other}`,
      FASHN_BASE_URL: front.url,
      FASHN_CONCURRENCY: '1',
      CIRCUIT_OPEN_MS: '1000',
      ...env,
    },
  });
  front.leadTo(`${pipeline.simulator.url}/fashn`);

  const as = (tenant: keyof typeof keys) => {
    const headers = {
      authorization: `Bearer ${keys[tenant]}`,
      'content-type': 'application/json',
    };
    const call = async <Body>(path: string, body?: unknown): Promise<Body> => {
      const method = body === undefined ? 'GET' : 'POST';
      const sent = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
      return (await (await fetch(pipeline.web.url + path, sent)).json()) as Body; // our own API's answer
    };
    const get = (id: string) => call<Shown>(`/v1/generations/${id}`);
    return {
      ask: async (about: { model?: string; marker?: string } = {}): Promise<string> => {
        const { provider, model, input } = pipeline.bodyOf('fashn');
        const { garmentImages, personImage } = input;
        const asked = {
          garmentImages,
          personImage: `${personImage}&marker=${about.marker ?? 'none'}`,
        };
        const body = { provider, model: about.model ?? model, input: asked };
        return (await call<Shown>('/v1/generations', body)).id;
      },
      get,
      until: (id: string, isSo: (shown: Shown) => boolean, deadlineMs?: number) =>
        until(
          `${id} is as expected`,
          async () => {
            const shown = await get(id);
            return isSo(shown) ? shown : undefined;
          },
          deadlineMs,
        ),
      circuits: async () => {
        type Listed = { providers: { provider: string; circuitsOpen: unknown }[] };
        const { providers } = await call<Listed>('/v1/providers');
        return providers.find(({ provider }) => provider === 'fashn')?.circuitsOpen;
      },
    };
  };
  return { front, pipeline, acme: as('acme'), other: as('other') };
}

const isFinal = ({ finishedAt }: Shown): boolean => finishedAt !== null;
const isHeldFor = (reason: string) => (shown: Shown) => shown.hold?.reason === reason;

test('a request that the provider always answers with 403 delays nobody else’s', async () => {
  const { front, pipeline, acme, other } = await setup();
  front.refuse('marker=poison', answering(403));
  const poison = await acme.ask({ marker: 'poison' });
  await acme.until(poison, isHeldFor('unauthorized'));
  const askedAt = Date.now();
  const ids = [await other.ask(), await other.ask(), await other.ask()];
  for (const id of ids) {
    expect(await other.until(id, isFinal)).toMatchObject({ status: 'completed' });
  }
  expect(Date.now() - askedAt).toBeLessThan(5_000);
  expect(await acme.get(poison)).toMatchObject({ status: 'queued' });
  expect(pipeline.lines.filter(({ msg }) => msg.startsWith('circuit'))).toEqual([]);
});

test('a tenant whose every request is refused waits alone', async () => {
  const { front, acme, other } = await setup({ CIRCUIT_OPEN_MS: '60000' });
  front.refuse('marker=poison', answering(403));
  const poisons = await Promise.all(
    Array.from({ length: 8 }, () => acme.ask({ marker: 'poison' })),
  );
  await until('its circuit is open', async () => {
    const circuits = await acme.circuits();
    return circuits && Object.keys(circuits).length > 0;
  });
  for (const id of poisons) await acme.until(id, isHeldFor('unauthorized'));
  expect(front.turnedAway).toHaveLength(5);
  expect(await acme.circuits()).toEqual({
    'tryon-v1.6': { until: expect.any(String), reason: 'unauthorized' },
  });
  expect(await other.circuits()).toEqual({});
  const askedAt = Date.now();
  const id = await other.ask();
  expect(await other.until(id, isFinal)).toMatchObject({ status: 'completed' });
  expect(Date.now() - askedAt).toBeLessThan(5_000);
});

test('no credit for a dear model does not stop a cheap one', async () => {
  const { front, acme } = await setup({ CIRCUIT_OPEN_MS: '60000' });
  front.refuse('tryon-max', answering(402));
  const dear = await Promise.all(Array.from({ length: 7 }, () => acme.ask({ model: 'tryon-max' })));
  for (const id of dear) await acme.until(id, isHeldFor('out_of_credit'));
  expect(front.turnedAway).toHaveLength(5);
  const askedAt = Date.now();
  const cheap = await acme.ask();
  expect(await acme.until(cheap, isFinal)).toMatchObject({ status: 'completed' });
  expect(Date.now() - askedAt).toBeLessThan(5_000);
});

test('a key that is refused to everybody holds everybody, and a probe notices that it is mended', async () => {
  const { front, pipeline, acme, other } = await setup();
  front.shut(answering(401));
  const refused = [];
  for (let n = 0; n < 3; n++) refused.push(await acme.ask(), await other.ask());
  await until('the circuit is open', () =>
    pipeline.lines.some(({ msg }) => msg.startsWith('circuit open')),
  );
  const late = await Promise.all(Array.from({ length: 6 }, () => other.ask()));
  await until('two probes came', () => front.turnedAway.length >= 7, 30_000);
  expect(await other.circuits()).toMatchObject({ 'tryon-v1.6': { reason: 'unauthorized' } });
  const opened = pipeline.lines.filter(({ msg }) => msg.startsWith('circuit open'));
  expect(opened).toMatchObject([{ level: 50, met: 'unauthorized' }]);
  expect(opened[0]).not.toHaveProperty('tenant');

  front.open();
  await until(
    'those that were not refused complete',
    async () => {
      const now = await Promise.all(late.map(other.get));
      return now.filter(({ status }) => status === 'completed').length >= 3;
    },
    30_000,
  );
  const closed = pipeline.lines.filter(({ msg }) => msg.startsWith('circuit closed'));
  expect(closed).toHaveLength(1);
}, 90_000);

test('one that is refused as often as the operator allows ends with the reason, and is told', async () => {
  const { front, pipeline, acme } = await setup({ MOST_REFUSALS: '1' });
  front.refuse('marker=poison', answering(403));
  const id = await acme.ask({ marker: 'poison' });
  const shown = await acme.until(id, isFinal);
  expect(shown).toMatchObject({ status: 'failed', reason: { code: 'unauthorized' } });
  await until('it is told', () => pipeline.eventsOf(id).length === 1);
});
