import { expect, onTestFinished, test } from 'vitest';
import atelier from '../../chaos/atelier/adapter.ts';
import { ATELIER_SECRET, atelier as dialect } from '../../chaos/atelier/dialect.ts';
import { type ScenarioName, startSimulator } from '../../simulator/index.ts';
import { createHttpClient, type HttpRequest } from '../../src/outbound/http-client.ts';
import { meaningOf } from '../contract/meaning.ts';

/** @param reroute where a request really goes. */
async function open(scenario: ScenarioName, reroute = ({ url }: HttpRequest) => url) {
  const simulator = await startSimulator({ scenario, timeScale: 0, moreDialects: [dialect] });
  onTestFinished(() => simulator.close());
  const http = createHttpClient({ timeoutMs: 5_000, maxBodyBytes: 100_000 });
  onTestFinished(() => http.close());
  const adapter = atelier.create({
    apiKey: 'a key',
    baseUrl: `${simulator.url}/atelier`,
    webhookSecrets: [ATELIER_SECRET],
    http: { ...http, request: (asked) => http.request({ ...asked, url: reroute(asked) }) },
    images: unused,
    files: unused,
  });
  const request = {
    model: 'dress',
    input: {
      personImage: `${simulator.url}/assets/person.png`,
      garmentImages: [`${simulator.url}/assets/garment-shirt.png`],
    },
    idempotencyKey: 'reference-1',
  };
  return { simulator, adapter, request, book: () => simulator.ledger()['atelier'] };
}

test('a reference is taken once: after a lost answer the same one finds the order', async () => {
  const { adapter, request, book } = await open('lost-reply');
  expect(await meaningOf(adapter.submit(request))).toMatchObject({ is: 'OutcomeUnknown' });
  const { task } = await adapter.submit(request);
  const { accepted, refused } = book() ?? {};
  expect(accepted).toMatchObject([{ taskId: task.id, idempotencyKey: 'reference-1' }]);
  expect(refused).toMatchObject([{ reason: 'key-reused', httpStatus: 409 }]);
});

test('a taken reference whose order cannot be looked up is not "not sent"', async () => {
  const { adapter, request, simulator } = await open('ok');
  await adapter.submit(request);
  const away = await open('ok', (asked) =>
    asked.kind === 'safe-to-retry'
      ? NOWHERE
      : asked.url.replace(/^.*(?=\/atelier\/)/, simulator.url),
  );
  expect(await meaningOf(away.adapter.submit(request))).toMatchObject({ is: 'OutcomeUnknown' });
  expect(simulator.ledger()['atelier']?.accepted).toHaveLength(1);
});

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1/';
const unused = new Proxy({} as never, {
  get: () => {
    throw new Error('called');
  },
});
