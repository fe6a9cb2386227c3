import { expect, onTestFinished, test } from 'vitest';
import { DEMO_CATALOGUE } from '../../rig/demo/catalogue.ts';
import { askFor, setupEveryProvider } from '../support/every-provider.ts';
import { loopbackServer } from '../support/loopback-server.ts';
import { API_KEY, type Shown } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** FitRoom, which takes pictures as bytes, and an app's picture host that may refuse. */
async function setup() {
  const pipeline = await setupEveryProvider({
    env: { CIRCUIT_FAILURES: '1' },
    patience: { webhookGraceMs: 500 },
  });
  let refuses: { status: number; headers?: Record<string, string> } | undefined;
  const host = await loopbackServer((_request, _req, res) => {
    const picture = { location: `${pipeline.simulator.url}/assets/person.png` };
    res.writeHead(refuses?.status ?? 302, refuses ? refuses.headers : picture).end();
  });
  onTestFinished(host.close);
  const ask = async (): Promise<Shown['id']> => {
    const request = DEMO_CATALOGUE['fitroom'];
    if (!request) throw new Error('the demo asks FitRoom for something');
    const input = request.input(`${host.url}/person.png`, `${host.url}/garment.png`);
    const response = await pipeline.post({ provider: 'fitroom', model: request.model, input });
    return ((await response.json()) as Shown).id; // our own API's answer
  };
  const provider = async (): Promise<Record<string, unknown> | undefined> => {
    const response = await fetch(`${pipeline.web.url}/v1/providers`, {
      headers: { authorization: `Bearer ${API_KEY}` },
    });
    const { providers } = (await response.json()) as { providers: Record<string, unknown>[] };
    return providers.find((one) => one['provider'] === 'fitroom');
  };
  const refuse = (status: number): void => {
    refuses = { status };
  };
  const comeRound = (): void => {
    refuses = undefined;
  };
  return { pipeline, host, ask, provider, refuse, comeRound };
}

test('a picture host that answers 403 for a while delays its own generation, and nobody else', async () => {
  const { pipeline, host, ask, provider, refuse, comeRound } = await setup();
  refuse(403);
  const id = await ask();
  await pipeline.untilShown(id, ({ hold }) => hold?.reason === 'image_unavailable');
  const other = await askFor(pipeline, 'fitroom');
  expect((await pipeline.untilFinal(other)).status).toBe('completed');
  const { submissionsHeldUntil, circuitsOpen } = (await provider()) ?? {};
  expect({ submissionsHeldUntil, circuitsOpen }).toEqual({
    submissionsHeldUntil: null,
    circuitsOpen: {},
  });
  const before = host.received.length;
  await until('it is tried again', () => host.received.length > before);
  expect((await pipeline.get(id)).status).toBe('queued');
  comeRound();
  expect((await pipeline.untilFinal(id)).status).toBe('completed');
});

test('a picture that is not there fails at once, in words that say who found out', async () => {
  const { pipeline, host, ask, refuse } = await setup();
  refuse(404);
  expect(await pipeline.untilFinal(await ask())).toMatchObject({
    status: 'failed',
    reason: {
      code: 'image_unreadable',
      message: 'Catwalk could not load an image: its host answered 404.',
    },
  });
  // One try, of two pictures side by side.
  expect(host.received.length).toBeLessThanOrEqual(2);
});
